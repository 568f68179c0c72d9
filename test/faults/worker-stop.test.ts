import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { type JobPayload, newJid } from '../../src/protocol/job.ts';
import { describeOnRealFaktory } from '../helpers/each-faktory.ts';
import { until } from '../helpers/until.ts';
import { Ledger } from './ledger.ts';
import { localWorker, pauseWakeQueues, pushJobs, Watch } from './local.ts';
import { setStage } from './stage.ts';

const handlers = fileURLToPath(new URL('./stop-handlers.mjs', import.meta.url));
const HISTORY = {
  failed_at: '2026-01-02T03:04:05Z',
  message: 'it failed before',
  errtype: 'Before',
  retry_count: 1,
  remaining: 1,
};
/** A job, a token, or nothing. */
const FETCH_REPLY = /^\$(-1|.*\r\n\{.*"jobtype":)/;

describeOnRealFaktory('stopping', () => {
  it.concurrent('row 28: SIGTERM: what ends is reported, the rest is handed back with its history, exit 0', async () => {
    using ledger = new Ledger({ row: 28, name: 'SIGTERM with running jobs' });
    await using stage = await setStage(ledger);
    const { client, faktory } = stage;
    const worker = await stage.startWorker({ handlers, concurrency: 20 });
    const naps = await pushJobs(ledger, client, 5, { jobtype: 'nap', args: [{ ms: 2_000 }] });
    const [finishing, obeying, stuck] = [
      await pushJobs(ledger, client, 5, { jobtype: 'finishes' }),
      await pushJobs(ledger, client, 5, { jobtype: 'obeys' }),
      await pushJobs(ledger, client, 4, { jobtype: 'stuck' }),
    ];
    const failedBefore = newJid();
    const retried = { jid: failedBefore, jobtype: 'stuck', retry: 2, failure: HISTORY };
    await ledger.follow(failedBefore, client.push(retried));
    // All 20 slots are taken.
    await until(() => ledger.runs().filter(({ what }) => what === 'start').length === 20);
    const start = performance.now();
    worker.process.kill('SIGTERM');
    const exit = await worker.process.waitForExit({ timeoutMs: 60_000 });
    ledger.note('exit after ms', Math.round(performance.now() - start));
    const { queued, sets } = await stage.held();
    const ended = ledger.runs().filter(({ what }) => what === 'end');

    const copies: { id: string; job: JobPayload }[] = [];
    await using next = localWorker(ledger, faktory.url);
    for (const jobtype of ['nap', 'finishes', 'obeys', 'stuck']) {
      next.handle(jobtype, (ctx) => {
        ledger.started(ctx.id);
        copies.push({ id: ctx.id, job: ctx.job });
        ledger.ended(ctx.id);
      });
    }
    await next.work();
    await stage.untilAllRan();
    await stage.untilDrained();
    ledger.note('handed back', copies.length);
    const report = ledger.settle();
    const returned = [...obeying, ...stuck, failedBefore];
    // Twice: those alone that were handed back, once each.
    expect(report).toMatchObject({ lost: 0, twice: returned.length, extraRuns: returned.length });
    expect(exit).toEqual({ code: 0, signal: null });
    expect({ queued, ...sets }).toEqual({
      queued: returned.length,
      working: 0,
      retries: 0,
      scheduled: 0,
      dead: 0,
    });
    expect(new Set(ended.map(({ id }) => id))).toEqual(new Set([...naps, ...finishing]));
    expect(new Set(copies.map(({ id }) => id))).toEqual(new Set(returned));
    for (const { id, job } of copies) {
      expect(job.jid).toMatch(/\.1-[0-9a-f]{4}$/);
      expect(job.failure).toEqual(id === failedBefore ? expect.objectContaining(HISTORY) : undefined);
    }
  });

  it.concurrent('row 28: SIGTSTP: nothing new; a second SIGTERM ends it at once with 1', async () => {
    using ledger = new Ledger({ row: 28, name: 'SIGTSTP, and SIGTERM twice' });
    await using stage = await setStage(ledger);
    const { client } = stage;
    const worker = await stage.startWorker({ handlers, concurrency: 10 });
    // These die with the process, and come back in a minute or two: not counted here.
    for (let held = 0; held < 3; held += 1) await client.push({ jobtype: 'stuck', reserve_for: 60 });
    await until(() => ledger.runs().length === 3);
    worker.process.kill('SIGTSTP');
    await worker.process.waitForLine(/quiet: fetching no more jobs/);
    await until(async () => (await worker.metric('outstanding')) === 0, { everyMs: 50 });
    await pushJobs(ledger, client, 5, { jobtype: 'nap', args: [{ ms: 0 }] });
    worker.process.kill('SIGTERM');
    await worker.process.waitForLine(/stopping; a second signal ends it at once/);
    const start = performance.now();
    worker.process.kill('SIGTERM');
    const exit = await worker.process.waitForExit({ timeoutMs: 30_000 });
    ledger.note('exit after ms', Math.round(performance.now() - start));
    const { queued, sets } = await stage.held();
    await stage.startWorker({ handlers });
    await stage.untilAllRan();
    expect(ledger.settle()).toMatchObject({ lost: 0, executed: 5 });
    expect(exit).toEqual({ code: 1, signal: null });
    expect({ queued, working: sets.working }).toEqual({ queued: 5, working: 3 });
  });

  it.concurrent.for([0, 50])(
    'row 28: 1,000 slots, %i ms away: the FETCHes that wait are called back',
    async (roundTripMs) => {
      using ledger = new Ledger({ row: 28, name: `1,000 FETCHes called back, ${roundTripMs} ms` });
      await using stage = await setStage(ledger, { relay: { messages: true, delayMs: roundTripMs / 2 } });
      await using client = new Client({ url: stage.faktory.url, logger: false });
      const jobs = roundTripMs > 0 ? 20_000 : 5_000;
      await pushJobs(ledger, client, jobs);
      const fetches = new Watch(stage.relay, 'up', /^FETCH/);
      const replies = new Watch(stage.relay, 'down', FETCH_REPLY);
      await using worker = localWorker(ledger, stage.relay.url, { concurrency: 1_000 });
      await worker.work();
      await until(() => worker.stats().done === jobs, { timeoutMs: 60_000 });
      const { outstanding, fetchLanes } = worker.stats();
      const start = performance.now();
      await worker.stop();
      ledger.note('FETCHes out', outstanding);
      ledger.note('stopped after ms', Math.round(performance.now() - start));
      const { sets } = await stage.held();
      expect(ledger.settle()).toMatchObject({ lost: 0, twice: 0, executed: jobs });
      expect(sets).toMatchObject({ working: 0, retries: 0 });
      expect(worker.stats()).toMatchObject({ outstanding: 0, unreported: 0, stranded: 0 });
      // By themselves one of each lane would have come back within the time for the stop.
      expect(outstanding).toBeGreaterThan(2 * fetchLanes);
      // The worker counts none that its end has cut off: whether each was answered is seen on the wire.
      expect(replies.count).toBe(fetches.count);
    },
  );

  it.concurrent('row 28: with the wake queues paused it stops all the same, only slower', async () => {
    using ledger = new Ledger({ row: 28, name: 'stop without wake tokens' });
    await using stage = await setStage(ledger);
    await pauseWakeQueues(stage.faktory);
    await using worker = localWorker(ledger, stage.relay.url, { concurrency: 50 });
    await worker.work();
    await stage.push(500);
    await stage.untilAllRan();
    const { outstanding } = worker.stats();
    const start = performance.now();
    await worker.stop();
    ledger.note('FETCHes out', outstanding);
    ledger.note('stopped after ms', Math.round(performance.now() - start));
    expect(ledger.settle()).toMatchObject({ lost: 0, twice: 0 });
    expect(worker.state).toBe('stopped');
  });
});
