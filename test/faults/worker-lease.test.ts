import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { startFaktory, type TestFaktory } from '../../src/testing/index.ts';
import { describeOnRealFaktory } from '../helpers/each-faktory.ts';
import { type Relay, startRelay } from '../helpers/relay.ts';
import { until } from '../helpers/until.ts';
import { Ledger } from './ledger.ts';
import { localWorker, pushJobs, Watch } from './local.ts';
import { setStage } from './stage.ts';

const ODD_HANDLERS = fileURLToPath(new URL('./odd-handlers.mjs', import.meta.url));
const SECOND = 1_000;

describe('a handler that outlives its reservation', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it.for([
    { afterS: 70, acks: 2, so: 'its ACK still goes out' },
    { afterS: 90, acks: 1, so: 'its ACK is too late even to be sent' },
  ])(
    'row 33: ended $afterS s after a reservation of 60 s: told as late, run once more, $so',
    async ({ afterS, acks }) => {
      using ledger = new Ledger({ row: 33, name: `ended ${afterS} s after a reservation of 60 s` });
      await using faktory = await startFaktory();
      await using relay = await startRelay(faktory.url, { messages: true });
      await using client = new Client({ url: faktory.url, logger: false });
      const warned: string[] = [];
      const note = (_fields: object, text: string): void => {
        warned.push(text);
      };
      const logger = { debug: () => {}, info: () => {}, warn: note, error: note };
      await using worker = localWorker(ledger, relay.url, { beatInterval: 0.05, logger });
      let end = (): void => {};
      const reasons: unknown[] = [];
      let run = 0;
      let ended = 0;
      worker.handle('slow', async (ctx) => {
        ledger.started(ctx.id);
        run += 1;
        ctx.signal.addEventListener('abort', () => reasons.push(ctx.signal.reason));
        if (run === 1) {
          await new Promise<void>((resolve) => {
            end = resolve;
          });
        }
        ended += 1;
        ledger.ended(ctx.id);
      });
      await worker.work();
      const [jid] = await pushJobs(ledger, client, 1, { jobtype: 'slow', reserve_for: 60, retry: 5 });
      await until(() => worker.stats().running === 1);
      // The machine was suspended, say: its clock goes on, the worker's timers did not run.
      const now = Date.now;
      vi.spyOn(Date, 'now').mockImplementation(() => now() + afterS * SECOND);
      await until(() => worker.stats().late === 1);
      await answerFetches(faktory, relay, worker);
      // Faktory looked at its reservations; the job failed by it waits in Retries, and comes back.
      expect(faktory.jobs({ state: 'working' })).toEqual([]);
      const sent = new Watch(relay, 'up', new RegExp(`^ACK .*${jid}`));
      faktory.clock.advance(120 * SECOND);
      await until(() => run === 2 && ended === 1 && sent.count === 1);
      end();
      await until(() => ended === 2 && sent.count >= acks && worker.stats().unreported === 0);
      ledger.note('late', worker.stats().late);
      ledger.note('ACKs', sent.count);
      expect(ledger.settle()).toMatchObject({ lost: 0, twice: 1, extraRuns: 1 });
      expect(reasons).toEqual([expect.objectContaining({ code: 'LEASE_EXPIRED' })]);
      expect(worker.stats()).toMatchObject({ late: 1, failed: 0 });
      expect(warned.filter((text) => /reservation of a job ran out/.test(text))).toHaveLength(1);
      expect(sent.count).toBe(acks);
      expect(faktory.jobs()).toEqual([]);
    },
  );
});

/** All that are outstanding now: a job that came by one written before the suspension would have no time left. */
async function answerFetches(
  faktory: TestFaktory,
  relay: Relay,
  worker: ReturnType<typeof localWorker>,
): Promise<void> {
  const empty = new Watch(relay, 'down', /^\$-1/);
  const outstanding = worker.stats().outstanding;
  while (empty.count < outstanding) {
    const { count } = empty;
    faktory.clock.advance(2_001);
    await until(() => empty.count > count);
  }
}

describe('a FAIL that Faktory loses', () => {
  it('row 5: answered with an error, then `Job not found`: a copy with the failure, and at its time, stands for it', async () => {
    using ledger = new Ledger({ row: 5, name: 'FAIL lost by Faktory' });
    await using faktory = await startFaktory({ quirks: { lostFail: true } });
    await using client = new Client({ url: faktory.url, logger: false });
    await using worker = localWorker(ledger, faktory.url);
    const seen: { id: string; jid: string; failure: unknown }[] = [];
    worker.handle('fails once', (ctx) => {
      ledger.started(ctx.id);
      seen.push({ id: ctx.id, jid: ctx.job.jid, failure: ctx.job.failure });
      if (ctx.job.failure === undefined) throw new RangeError('the first time');
      ledger.ended(ctx.id);
    });
    await worker.work();
    const jids = await pushJobs(ledger, client, 20, {
      jobtype: 'fails once',
      retry: 3,
      custom: { tenant: 7 },
    });
    await until(() => faktory.jobs({ state: 'scheduled' }).length === jids.length, { timeoutMs: 30_000 });
    const copies = faktory.jobs({ state: 'scheduled' });
    faktory.faults.clear();
    faktory.clock.advance(3_600 * SECOND);
    ledger.cleared();
    await until(() => ledger.missing().length === 0, { timeoutMs: 30_000 });
    await until(() => worker.stats().unreported === 0);
    ledger.note('copies', copies.length);
    expect(ledger.settle()).toMatchObject({ lost: 0, twice: jids.length, extraRuns: jids.length });
    for (const { jid, at, failure, retry, custom } of copies) {
      expect(jids).not.toContain(jid);
      expect(jids).toContain(jid.replace(/\.1-[0-9a-f]{4}$/, ''));
      expect(Date.parse(at!)).toBeGreaterThan(Date.now());
      expect({ retry, custom }).toEqual({ retry: 3, custom: { tenant: 7 } });
      expect(failure).toMatchObject({ errtype: 'RangeError', message: 'the first time', retry_count: 0 });
    }
    expect(new Set(seen.map(({ id }) => id))).toEqual(new Set(jids));
    expect(faktory.jobs()).toEqual([]);
  });
});

describeOnRealFaktory('a handler that never ends', () => {
  it('row 31: with handlerTimeoutMs: one FAIL, its slot is free, it is counted, and stopping does not wait', async () => {
    using ledger = new Ledger({ row: 31, name: 'handlers that never settle' });
    await using stage = await setStage(ledger, { relay: { messages: true } });
    await using client = new Client({ url: stage.faktory.url, logger: false });
    await using worker = localWorker(ledger, stage.relay.url, {
      concurrency: 2,
      maxZombies: 100,
      zombieAfterMs: 500,
      shutdownTimeoutMs: 500,
    });
    const timeout = { handlerTimeoutMs: 200 };
    worker.handle('deaf', () => new Promise(() => {}), timeout);
    worker.handle(
      'obeys',
      (ctx) =>
        new Promise((_, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason))),
      timeout,
    );
    const fails = new Watch(stage.relay, 'up', /^FAIL/);
    const given = new Watch(stage.relay, 'up', /^(ACK|FAIL)/);
    await worker.work();
    const jids = [
      ...(await pushJobs(ledger, client, 6, { jobtype: 'deaf' })),
      ...(await pushJobs(ledger, client, 6, { jobtype: 'obeys' })),
    ];
    // Behind them: they run only in slots that became free.
    await pushJobs(ledger, client, 20);
    await until(() => ledger.runs().length === 40 && worker.stats().failed === 12, {
      timeoutMs: 30_000,
      what: () => JSON.stringify(worker.stats()),
    });
    await until(() => worker.stats().unreported === 0);
    await until(() => worker.stats().zombies === 6);
    const { zombies } = worker.stats();
    const { sets } = await stage.held();
    const start = performance.now();
    await worker.stop();
    ledger.note('zombies', zombies);
    ledger.note('stopped after ms', Math.round(performance.now() - start));
    for (const jid of jids) ledger.dead(jid);
    expect(ledger.settle()).toMatchObject({ lost: 0, twice: 0 });
    expect(zombies).toBe(6);
    expect(sets).toMatchObject({ retries: 12, working: 0 });
    const reports = given.seen.filter((line) => jids.some((jid) => line.includes(jid)));
    expect(reports).toHaveLength(12);
    const errtypes = fails.seen.map((line) => (JSON.parse(line.slice(5)) as { errtype: string }).errtype);
    expect(errtypes).toEqual(Array(12).fill('HANDLER_TIMEOUT'));
    expect(worker.state).toBe('stopped');
  });

  it('row 31: as many as there are slots: the process ends with 1, and what it had not started runs elsewhere', async () => {
    using ledger = new Ledger({ row: 31, name: 'every slot held by one that never ends' });
    await using stage = await setStage(ledger);
    const worker = await stage.startWorker({ handlers: ODD_HANDLERS, concurrency: 3 });
    for (const jid of await pushJobs(ledger, stage.client, 3, { jobtype: 'deaf' })) ledger.dead(jid);
    const exit = await worker.process.waitForExit({ timeoutMs: 30_000 });
    await stage.push(20);
    await using next = localWorker(ledger, stage.faktory.url);
    await next.work();
    await stage.untilAllRan();
    const { sets } = await stage.held();
    expect(ledger.settle()).toMatchObject({ lost: 0, twice: 0, executed: 20 });
    expect(exit).toEqual({ code: 1, signal: null });
    expect(worker.process.output).toMatch(/3 handlers never end: the worker stops/);
    expect(sets).toMatchObject({ retries: 3, working: 0 });
  });

  it('row 31: without it, one that ignores its signal is handed back, and stopping ends in its time', async () => {
    using ledger = new Ledger({ row: 31, name: 'stopping beside handlers that ignore their signals' });
    await using stage = await setStage(ledger);
    await using worker = localWorker(ledger, stage.relay.url, { concurrency: 10, shutdownTimeoutMs: 200 });
    worker.handle('deaf', (ctx) => {
      ledger.started(ctx.id);
      return new Promise(() => {});
    });
    await worker.work();
    const jids = await pushJobs(ledger, stage.client, 10, { jobtype: 'deaf' });
    await until(() => worker.stats().running === 10);
    const start = performance.now();
    await worker.stop();
    ledger.note('stopped after ms', Math.round(performance.now() - start));
    const { queued, sets } = await stage.held();
    for (const jid of jids) ledger.dead(jid);
    ledger.settle();
    expect(worker.stats()).toMatchObject({ handedBack: 10, unreported: 0, failed: 0 });
    expect({ queued, ...sets }).toMatchObject({ queued: 10, working: 0, retries: 0, dead: 0 });
  });
});
