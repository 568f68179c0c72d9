/** What the embedded Faktory does by time, moved by a clock: schedules, retries, reservations, beats, the dead. */
import { describe, expect, it } from 'vitest';
import { type EmbeddedFaktory, ManualClock, startEmbeddedFaktory } from '../../src/embedded/index.ts';
import { type Delivered, hold, info, job, newQueue, store } from '../conformance/jobs.ts';
import { CLOSED, Talk } from '../conformance/raw-client.ts';
import { until } from '../helpers/until.ts';

/** On a tick of every scan. */
const START = Date.UTC(2030, 0, 1);
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

interface Bed extends AsyncDisposable {
  clock: ManualClock;
  faktory: EmbeddedFaktory;
  talk: Talk;
  open(wid?: string): Promise<Talk>;
}

async function bed(): Promise<Bed> {
  const clock = new ManualClock(START);
  const faktory = await startEmbeddedFaktory({ clock });
  const address = { host: '127.0.0.1', port: faktory.port };
  const talk = await Talk.open(address);
  return {
    clock,
    faktory,
    talk,
    open: (wid) => Talk.open(address, wid),
    [Symbol.asyncDispose]: () => faktory.stop(),
  };
}

const iso = (ms: number): string => new Date(ms).toISOString();

describe('FETCH', () => {
  it('waits two seconds, to the millisecond', async () => {
    await using b = await bed();
    b.talk.write(`FETCH ${newQueue()}\r\nFOO\r\n`);
    await until(() => b.faktory.counts().waiting === 1);
    b.clock.advance(1999);
    expect(b.faktory.counts().waiting).toBe(1);
    b.clock.advance(1);
    expect(await b.talk.reply()).toBe(null);
    expect(await b.talk.reply()).toBe('-ERR unknown command FOO');
  });

  it('gives a job to the one that has waited longest', async () => {
    await using b = await bed();
    const queue = newQueue();
    const talks = [await b.open(), await b.open(), await b.open()];
    for (const [i, talk] of talks.entries()) {
      talk.send(`FETCH ${newQueue()} ${queue}`);
      await until(() => b.faktory.counts().waiting === i + 1);
    }
    await store(b.talk, ...[1, 2, 3].map((n) => job({ queue, args: [n] })));
    const jobs = await Promise.all(talks.map((talk) => talk.reply()));
    expect(jobs.map((text) => /"args":\[(\d)\]/.exec(String(text))?.[1])).toEqual(['1', '2', '3']);
  });

  it('gives no job to a connection that is gone', async () => {
    await using b = await bed();
    const queue = newQueue();
    const [cut, left] = [await b.open(), await b.open()];
    cut.write(`FETCH ${queue}\r\n`.repeat(10));
    left.write(`FETCH ${queue}\r\n`.repeat(10));
    await until(() => b.faktory.counts().waiting === 2);
    await cut[Symbol.asyncDispose]();
    await left.close();
    await until(() => b.faktory.counts().waiting === 0);
    await store(b.talk, job({ queue }));
    expect(b.faktory.counts()).toMatchObject({ enqueued: 1, working: 0 });
  });

  it('that waits when its connection closes lets what stands behind it run', async () => {
    await using b = await bed();
    const { jid } = await hold(b.talk);
    const other = await b.open();
    other.write(`FETCH ${newQueue()}\r\nACK {"jid":"${jid}"}\r\n`);
    await until(() => b.faktory.counts().waiting === 1);
    await other.close();
    expect(b.faktory.counts()).toMatchObject({ working: 0, processed: 1 });
  });

  it('is refused to a quiet worker on all its connections: at once for two seconds, then after two', async () => {
    await using b = await bed();
    const queue = newQueue();
    await store(b.talk, job({ queue }));
    const talks = [await b.open('quiet-1'), await b.open('quiet-1')];
    await b.talk.ask('BEAT {"wid":"quiet-1","current_state":"quiet"}');
    for (const talk of talks) expect(await talk.ask(`FETCH ${queue}`)).toBe(null);
    b.clock.advance(2000);
    for (const talk of talks) talk.send(`FETCH ${queue}`);
    await until(() => b.faktory.counts().waiting === 2);
    b.clock.advance(2000);
    expect([await talks[0]!.reply(), await talks[1]!.reply()]).toEqual([null, null]);
    expect(b.faktory.counts().enqueued).toBe(1);
  });
});

describe('Scheduled', () => {
  it('enqueues a job at the scan after its time, stamped then', async () => {
    await using b = await bed();
    const queue = newQueue();
    await store(b.talk, job({ queue, at: iso(START + 3 * DAY + 1) }));
    b.clock.advance(3 * DAY + 4 * SECOND);
    expect(b.faktory.counts()).toMatchObject({ scheduled: 1, enqueued: 0 });
    b.clock.advance(SECOND);
    expect(b.faktory.counts()).toMatchObject({ scheduled: 0, enqueued: 1 });
    const delivered = await b.talk.json<Delivered>(`FETCH ${queue}`);
    expect(delivered).toMatchObject({
      at: iso(START + 3 * DAY + 1),
      created_at: iso(START),
      enqueued_at: iso(START + 3 * DAY + 5 * SECOND),
    });
  });

  it('wakes a FETCH, and keeps the order of time', async () => {
    await using b = await bed();
    const queue = newQueue();
    for (const n of [3, 1, 2]) await store(b.talk, job({ queue, args: [n], at: iso(START + n * SECOND) }));
    const worker = await b.open();
    b.clock.advance(4 * SECOND);
    worker.write(`FETCH ${queue}\r\n`.repeat(3));
    await until(() => b.faktory.counts().waiting === 1);
    b.clock.advance(SECOND);
    const jobs = [await worker.reply(), await worker.reply(), await worker.reply()];
    expect(jobs.map((text) => /"args":\[(\d)\]/.exec(String(text))?.[1])).toEqual(['1', '2', '3']);
  });

  it('forgets its time when it is emptied', async () => {
    await using b = await bed();
    await store(b.talk, job({ at: iso(START + DAY) }));
    await b.talk.ask('FLUSH');
    b.clock.advance(2 * DAY);
    expect(b.faktory.counts()).toMatchObject({ scheduled: 0, enqueued: 0 });
  });
});

describe('Retries', () => {
  it('come back after each delay, and end in Dead when they are used up', async () => {
    await using b = await bed();
    let { jid, queue } = await hold(b.talk, { retry: 3 });
    const waits: number[] = [];
    for (let i = 0; i < 3; i++) {
      await b.talk.ask(`FAIL {"jid":"${jid}"}`);
      expect(b.faktory.counts()).toMatchObject({ retries: 1, working: 0 });
      const failed = b.clock.now();
      while (b.faktory.counts().retries === 1) b.clock.advance(SECOND);
      waits.push((b.clock.now() - failed) / SECOND);
      ({ jid, queue } = await b.talk.json<Delivered>(`FETCH ${queue}`));
    }
    for (const [i, wait] of waits.entries()) {
      expect(wait).toBeGreaterThanOrEqual(i ** 4 + 15);
      expect(wait).toBeLessThanOrEqual(i ** 4 + 15 + 29 * (i + 1) + 5);
    }
    await b.talk.ask(`FAIL {"jid":"${jid}"}`);
    expect(b.faktory.counts()).toMatchObject({ retries: 0, dead: 1, failures: 4, processed: 4 });
  });
});

describe('Dead', () => {
  it('are kept for 180 days', async () => {
    await using b = await bed();
    for (let i = 0; i < 150; i++) {
      await b.talk.ask(`FAIL {"jid":"${(await hold(b.talk, { retry: -1 })).jid}"}`);
    }
    b.clock.advance(180 * DAY - 1);
    expect(b.faktory.counts().dead).toBe(150);
    b.clock.advance(1);
    expect(b.faktory.counts().dead).toBe(0);
  });
});

describe('reservations', () => {
  it.each([
    [undefined, 1800],
    [0, 1800],
    [-5, 60],
    [1, 60],
    [90, 90],
    [86_400, 86_400],
  ])('of reserve_for %s end after %i s, as a failure', async (reserve_for, seconds) => {
    await using b = await bed();
    await hold(b.talk, { reserve_for, retry: 3 });
    b.clock.advance(seconds * SECOND - 1);
    expect(b.faktory.counts()).toMatchObject({ working: 1, retries: 0 });
    b.clock.advance(1);
    expect(b.faktory.counts()).toMatchObject({ working: 0, retries: 1, failures: 1, processed: 1 });
    const { Busy } = (await info(b.talk)).faktory.tasks;
    expect(Busy).toEqual({ reaped: 1, size: 0 });
  });

  it('that have ended are OK to ACK, but count no more', async () => {
    await using b = await bed();
    const { jid, queue } = await hold(b.talk, { reserve_for: 60, retry: 3 });
    b.clock.advance(MINUTE);
    expect(await b.talk.ask(`ACK {"jid":"${jid}"}`)).toBe('+OK');
    expect(await b.talk.ask(`FAIL {"jid":"${jid}"}`)).toBe(`-ERR Job not found ${jid}`);
    expect(b.faktory.counts()).toMatchObject({ processed: 1, retries: 1 });
    b.clock.advance(MINUTE);
    const { failure } = await b.talk.json<Delivered>(`FETCH ${queue}`);
    expect(failure).toMatchObject({
      errtype: 'ReservationExpired',
      message: 'Faktory job reservation expired',
      retry_count: 0,
    });
  });

  it('of 60 s wait for the scan, every 15 s', async () => {
    await using b = await bed();
    b.clock.advance(1 * SECOND);
    await hold(b.talk, { reserve_for: 60 });
    b.clock.advance(73 * SECOND);
    expect(b.faktory.counts().working).toBe(1);
    b.clock.advance(SECOND);
    expect(b.faktory.counts().working).toBe(0);
  });

  it('made before FLUSH end without a word', async () => {
    await using b = await bed();
    const { jid } = await hold(b.talk, { reserve_for: 60 });
    await b.talk.ask('FLUSH');
    b.clock.advance(2 * MINUTE);
    expect(b.faktory.counts()).toMatchObject({ working: 0, retries: 0, failures: 0 });
    await b.talk.ask(`ACK {"jid":"${jid}"}`);
    expect(b.faktory.counts().processed).toBe(0);
  });
});

describe('beats', () => {
  it('keep a worker; without one for 60 s its connections are closed, its jobs stay reserved', async () => {
    await using b = await bed();
    const queue = newQueue();
    await store(b.talk, job({ queue }));
    const [beating, silent, second] = [await b.open('beats'), await b.open('silent'), await b.open('silent')];
    await silent.ask(`FETCH ${queue}`);
    for (let passed = 0; passed < 60; passed += 15) {
      await beating.ask('BEAT {"wid":"beats"}');
      expect(b.faktory.counts().workers).toBe(2);
      b.clock.advance(15 * SECOND);
    }
    expect([await silent.reply(), await second.reply()]).toEqual([CLOSED, CLOSED]);
    expect(b.faktory.counts()).toMatchObject({ workers: 1, working: 1, connections: 2 });
    expect(await beating.ask('BEAT {"wid":"silent"}')).toBe('-ERR unknown worker silent');
    expect(await b.talk.ask('FOO')).toBe('-ERR unknown command FOO');
  });
});

describe('at rest', () => {
  it('has no timer without a job, a worker or a waiting FETCH', async () => {
    await using b = await bed();
    const queue = newQueue();
    expect(b.clock.pendingTimers).toBe(1);
    b.clock.advance(2 * SECOND);
    expect(b.clock.pendingTimers).toBe(0);
    await store(b.talk, ...Array.from({ length: 1000 }, () => job({ queue })));
    expect(b.clock.pendingTimers).toBe(0);
    for (let i = 0; i < 1000; i++) await b.talk.ask(`FETCH ${queue}`);
    expect(b.clock.pendingTimers).toBe(1);
  });
});

it('closes on who says no HELLO for two seconds', async () => {
  await using b = await bed();
  const silent = Talk.silent({ host: '127.0.0.1', port: b.faktory.port });
  await silent.reply();
  b.clock.advance(2 * SECOND);
  expect(await silent.reply()).toBe(CLOSED);
});
