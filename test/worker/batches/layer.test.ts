/** The layer alone, with slots that the test gives. */
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { MillraceError } from '../../../src/errors.ts';
import type { BatchHandler } from '../../../src/worker/batches/batch-handler.ts';
import { batchRules } from '../../../src/worker/batches/batch-options.ts';
import { Batches, type BatchesEvents } from '../../../src/worker/batches/batches.ts';
import type { HeldBatch } from '../../../src/worker/batches/held-batch.ts';
import { Credits } from '../../../src/worker/credits.ts';
import { HeldJob } from '../../../src/worker/held-job.ts';
import { leaseOf, type Moment, nowOnBothClocks } from '../../../src/worker/lease.ts';
import { until } from '../../helpers/until.ts';

const MINUTE = 60_000;

/** What the layer has said, in words; and the batches that ask for a slot. */
function stage(given: Partial<BatchesEvents> = {}) {
  const said: string[] = [];
  const due: HeldBatch[] = [];
  const rooms: [queue: string, room: number | undefined][] = [];
  const shared: [queue: string, jobtype: string][] = [];
  const say =
    (what: string) =>
    ({ job: { jid } }: HeldJob): void => {
      said.push(`${what} ${jid}`);
    };
  const leave = (what: string) => (batch: HeldBatch) => {
    said.push(what);
    batch.release();
  };
  const batches = new Batches({
    onDue: (batch) => due.push(batch),
    onEnd: () => {},
    finish: leave('finished'),
    evict: leave('evicted'),
    onDone: say('done'),
    onThrown: say('thrown'),
    onTimedOut: say('timed out'),
    onLate: say('late'),
    giveBack: say('given back'),
    onQueue: (...room) => rooms.push(room),
    onShared: (...with_) => shared.push(with_),
    argsOf: ({ args }) => args,
    longMs: () => 2_000,
    freeSlots: () => 5,
    ...given,
  });
  onTestFinished(() => batches.close());
  return { batches, said, due, rooms, shared };
}

const rules = (options: Partial<Parameters<typeof batchRules>[1]> = {}) =>
  batchRules('point', { maxSize: 2, maxDelayMs: 60 * MINUTE, concurrency: 1, ...options }, 5);

const credits = new Credits();
credits.limit('points', Number.POSITIVE_INFINITY);

function job(
  jid: string,
  { reserveFor = 1_800, now = nowOnBothClocks(), queue = 'points', jobtype = 'point' } = {},
) {
  const payload = { jid, jobtype, args: [jid], queue };
  return new HeldJob(payload, leaseOf(reserveFor, now.steady, now), now.steady, credits.charge([queue]));
}

const later = ({ steady, wall }: Moment, ms: number): Moment => ({ steady: steady + ms, wall: wall + ms });

/** The wall clock goes on by so much: leases end. */
function goOn(ms: number): void {
  const now = Date.now;
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => now() + ms);
  onTestFinished(() => clock.mockRestore());
}

function give(batches: Batches, batch: HeldBatch): void {
  batch.moveTo('running');
  batch.startedAt = performance.now();
  batches.start(batch);
}

/** A handler that ends when it is let go. */
function hanging(): { handler: BatchHandler; letGo: () => void; calls: () => number } {
  let letGo = (): void => {};
  const open = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const handler = vi.fn(() => open);
  return { handler, letGo: () => letGo(), calls: () => handler.mock.calls.length };
}

describe('the room of a queue', () => {
  it('is that of all its batch handlers, and goes with them', () => {
    const { batches, rooms } = stage();
    batches.register('point', () => {}, rules());
    expect(batches.roomOf('points')).toBe(0);
    batches.take(job('one'), nowOnBothClocks());
    expect(batches.roomOf('points')).toBe(4);
    batches.register('dot', () => {}, rules({ maxSize: 3 }));
    batches.take(job('two', { jobtype: 'dot' }), nowOnBothClocks());
    expect(batches.roomOf('points')).toBe(10);
    batches.remove('point');
    expect(batches.roomOf('points')).toBe(6);
    batches.remove('dot');
    expect(batches.roomOf('points')).toBe(0);
    expect([...batches.queues]).toEqual([]);
    expect(rooms).toEqual([
      ['points', 4],
      ['points', 10],
      ['points', 6],
      ['points', undefined],
    ]);
  });

  it('bounds the queue, but not one that is shared: others must not wait behind its jobs', () => {
    const { batches, shared } = stage();
    batches.register('point', () => {}, rules());
    batches.take(job('one'), nowOnBothClocks());
    expect(batches.creditOf('points', 1_000)).toBe(4);
    expect(batches.take(job('two', { jobtype: 'other' }), nowOnBothClocks())).toBe(false);
    expect(batches.creditOf('points', 1_000)).toBe(1_000);
    expect(batches.roomOf('points')).toBe(4);
    expect(shared).toEqual([['points', 'other']]);
  });

  it('is shared by two batch handlers, too', () => {
    const { batches, shared } = stage();
    batches.register('point', () => {}, rules());
    batches.register('dot', () => {}, rules());
    for (const jobtype of ['point', 'dot', 'point', 'dot'])
      batches.take(job(`of ${jobtype}`, { jobtype }), nowOnBothClocks());
    expect(shared).toEqual([['points', 'dot']]);
    expect(batches.creditOf('points', 1_000)).toBe(1_000);
  });

  it('may be known to be shared beforehand; it is said once', () => {
    const { batches, shared } = stage();
    batches.register('point', () => {}, rules());
    const queues: Record<string, string> = { point: 'points', other: 'points', alone: 'elsewhere' };
    batches.noteSharing(['alone', 'point'], (jobtype) => queues[jobtype]);
    expect(shared).toEqual([]);
    batches.noteSharing(['alone', 'point', 'unknown'], () => undefined);
    expect(shared).toEqual([]);
    batches.noteSharing(['alone', 'point', 'other'], (jobtype) => queues[jobtype]);
    batches.noteSharing(['alone', 'point', 'other'], (jobtype) => queues[jobtype]);
    expect(shared).toEqual([['points', 'other']]);
    batches.take(job('one'), nowOnBothClocks());
    expect(batches.creditOf('points', 1_000)).toBe(1_000);
  });
});

describe('a batch', () => {
  it('asks for its slot when the reservation of a later job wants it, which the timer of the first does not know', () => {
    const { batches, due } = stage();
    const now = nowOnBothClocks();
    batches.register('point', () => {}, rules({ maxSize: 10 }));
    batches.take(job('one', { now }), now);
    batches.take(job('two', { now, reserveFor: 60 }), now);
    batches.sweep(later(now, 11_999));
    expect(due).toEqual([]);
    batches.sweep(later(now, 12_001));
    expect(due).toHaveLength(1);
  });

  it('drops a job whose lease ended while it was gathered, and its queue has credit for another', async () => {
    const { batches, said, due } = stage();
    batches.register('point', () => {}, rules());
    const before = credits.usedBy('points');
    batches.take(job('long'), nowOnBothClocks());
    batches.take(job('short', { reserveFor: 60 }), nowOnBothClocks());
    goOn(57_000);
    give(batches, due[0]!);
    expect(said).toEqual(['late short']);
    expect(credits.usedBy('points')).toBe(before + 1);
    await until(() => said.includes('finished'));
    expect(said).toEqual(['late short', 'done long', 'finished']);
    expect(credits.usedBy('points')).toBe(before);
  });

  it('is not handled any more when it is told to end while schemas look', async () => {
    const handler = vi.fn();
    let look = (): void => {};
    const looked = new Promise<unknown[]>((resolve) => {
      look = () => resolve([]);
    });
    const { batches, said, due } = stage({ argsOf: () => looked });
    batches.register('point', handler, rules());
    for (const jid of ['one', 'two']) batches.take(job(jid), nowOnBothClocks());
    give(batches, due[0]!);
    due[0]!.abort(new MillraceError('SHUTDOWN'));
    look();
    await until(() => said.includes('finished'));
    expect(handler).not.toHaveBeenCalled();
    expect(said).toEqual(['thrown one', 'thrown two', 'finished']);
  });

  it('gathers nothing once it is closed: what comes is handed back', () => {
    const { batches, said } = stage();
    batches.register('point', () => {}, rules());
    batches.close();
    expect(batches.take(job('one'), nowOnBothClocks())).toBe(true);
    expect(batches.gathered).toBe(0);
    expect(said).toEqual(['given back one']);
  });

  it('hands back what is stuck, and holds no more than what runs', () => {
    const { batches, said, due } = stage();
    batches.register('point', hanging().handler, rules());
    const now = nowOnBothClocks();
    for (const jid of ['one', 'two', 'three', 'four']) batches.take(job(jid, { now }), now);
    give(batches, due[0]!);
    batches.sweep(later(now, 100));
    batches.sweep(later(now, 2_050));
    expect(said).toEqual([]);
    batches.sweep(later(now, 2_150));
    expect(said).toEqual(['given back three', 'given back four']);
    expect(batches.roomOf('points')).toBe(2);
  });
});

describe('handlerTimeoutMs', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it('fails those whose leases live, and takes the slot, although the lease of another has ended', async () => {
    const { batches, said, due } = stage();
    const { handler, letGo, calls } = hanging();
    batches.register('point', handler, rules({ maxSize: 3, handlerTimeoutMs: 60_000 }));
    for (const [jid, reserveFor] of [
      ['one', 60],
      ['two', 600],
      ['three', 600],
    ] as const)
      batches.take(job(jid, { reserveFor }), nowOnBothClocks());
    give(batches, due[0]!);
    await until(() => calls() === 1);
    goOn(57_000);
    // As slots do where a lease has ended.
    due[0]!.abort(new MillraceError('LEASE_EXPIRED'));
    batches.sweep(nowOnBothClocks());
    expect(said).toEqual(['late one']);
    vi.advanceTimersByTime(60_000);
    expect(said).toEqual(['late one', 'timed out two', 'timed out three', 'evicted']);
    letGo();
    await until(() => said.includes('finished'));
  });

  it('fails nothing whose lease has ended by then', async () => {
    const { batches, said, due } = stage();
    batches.register('point', hanging().handler, rules({ handlerTimeoutMs: 60_000 }));
    for (const [jid, reserveFor] of [
      ['one', 60],
      ['two', 600],
    ] as const)
      batches.take(job(jid, { reserveFor }), nowOnBothClocks());
    give(batches, due[0]!);
    goOn(57_000);
    vi.advanceTimersByTime(60_000);
    expect(said).toEqual(['late one', 'timed out two', 'evicted']);
  });
});

it('a batch keeps its slot until the last of its leases ends, when the first has', () => {
  const { batches, due } = stage();
  batches.register('point', hanging().handler, rules());
  const now = nowOnBothClocks();
  for (const [jid, reserveFor] of [
    ['one', 60],
    ['two', 600],
  ] as const)
    batches.take(job(jid, { reserveFor, now }), now);
  const [batch] = due;
  give(batches, batch!);
  expect(batch!.lease.reserveMs).toBe(60_000);
  batch!.abort(new MillraceError('LEASE_EXPIRED'));
  expect(batch!.lease.reserveMs).toBe(600_000);
  expect(batch!.open.every(({ aborted }) => !aborted)).toBe(true);
});
