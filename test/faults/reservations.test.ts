/**
 * The faults after which jobs stay reserved for nobody until their reservation ends: Faktory's own process, its Redis,
 * or a worker's, dies or stands still under load. They wait side by side, and load this machine one after another.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { describeOnRealFaktory } from '../helpers/each-faktory.ts';
import { startRelay } from '../helpers/relay.ts';
import { until } from '../helpers/until.ts';
import { cutOffAll, MOST_SOCKETS, startFleet } from './fleet.ts';
import { Ledger, type LedgerReport } from './ledger.ts';
import {
  DOWN_MS,
  FETCH_LANES,
  KILLS,
  killAgainAndAgain,
  killAndRestart,
  killRedisAndRestart,
  MOST_TWICE,
  restartedTooEarly,
  SLOTS,
  underFullLoad,
} from './loads.ts';
import { LEASE_ENDS_MS, oneAtATime } from './one-at-a-time.ts';
import { startOneSocketASlot } from './one-socket-a-slot.ts';
import { type Stage, setStage } from './stage.ts';

describeOnRealFaktory('jobs that are reserved when it happens', () => {
  describe.concurrent('are accounted for', () => {
    it.each([
      ['SIGSTOP of Faktory, 90 s', 90],
      ['SIGSTOP of Faktory, 10 s', 10],
    ] as const)('row 6: after %s', async (name, seconds) => {
      using ledger = new Ledger({ row: 6, name });
      await using stage = await setStage(ledger);
      const load = await oneAtATime(async () => {
        await stage.startWorker({ concurrency: SLOTS, url: stage.faktory.url });
        const pushing = stage.keepPushing({ inFlight: 20, everyMs: 10 });
        await stage.untilEnded(1_000);
        await stage.faktory.kill('SIGSTOP');
        return pushing;
      });
      await pause(seconds * 1_000);
      await stage.faktory.kill('SIGCONT');
      ledger.cleared();
      await stage.untilEnded(stage.ended + 500);
      await load.stop();
      // It is registered, whatever the reaper has closed: with its own worker id, and once.
      ledger.note('workers registered', await stage.registered());
      expect(await stage.registered()).toBe(1);
      await stage.untilDrained({ timeoutMs: LEASE_ENDS_MS });
      expectAll(ledger.settle(), { lost: 0 });
    });

    it('row 29: after SIGKILL of a worker', async () => {
      using ledger = new Ledger({ row: 29, name: 'SIGKILL of a worker with 100 slots' });
      await using stage = await setStage(ledger);
      await oneAtATime(async () => {
        const worker = await stage.startWorker({ concurrency: 100 });
        for (let i = 0; i < 500; i += 1) await stage.push(1, { args: [{ ms: ledger.int(500, 1_500) }] });
        await stage.untilEnded(ledger.int(100, 200));
        worker.process.kill('SIGKILL');
        ledger.cleared();
        await stage.startWorker({ concurrency: 100 });
      });
      await stage.untilDrained({ timeoutMs: LEASE_ENDS_MS });
      const last = Math.max(...ledger.runs().map((run) => run.at));
      ledger.note('last came back after s', Math.round((last - ledger.clearedAt) / 1_000));
      const report = ledger.settle();
      expectAll(report, { lost: 0, accepted: 500, executed: 500 });
      // Those that ran, and those that had ended and whose ACK had not been answered.
      expect(report.extraRuns).toBeLessThanOrEqual(2 * 100);
      expect(report.extraRuns).toBeGreaterThan(0);
    });

    it('row 29: but for jobs without a retry: Faktory gives those out once', async () => {
      using ledger = new Ledger({ row: 29, name: 'SIGKILL of a worker that runs jobs with retry 0' });
      await using stage = await setStage(ledger);
      await oneAtATime(async () => {
        const worker = await stage.startWorker({ concurrency: 20 });
        await stage.push(20, { retry: 0, args: [{ ms: 600_000 }] });
        await until(() => ledger.runs().length === 20);
        worker.process.kill('SIGKILL');
        await stage.startWorker({ concurrency: 20 });
      });
      await stage.untilDrained({ timeoutMs: LEASE_ENDS_MS });
      // Their reservation ends as a failure, and it was their last: a promise that retry 0 itself takes back.
      expectAll(ledger.settle(), { accepted: 20, executed: 0, twice: 0, lost: 20 });
    });

    it.each([
      ['all cut off at once', 0],
      ['Faktory away for 3 s', 3_000],
    ] as const)('row 25: after a fleet of 50 workers came back at once: %s', async (name, awayMs) => {
      using ledger = new Ledger({ row: 25, name: `50 workers, ${name}` });
      await using stage = await setStage(ledger);
      const fleet = await oneAtATime(async () => {
        const workers = await startFleet(ledger, stage.relay.url);
        await stage.push(500);
        await stage.untilAllRan();
        await cutOffAll(stage, workers, awayMs);
        await stage.push(500);
        return workers;
      });
      await stage.untilDrained({ timeoutMs: LEASE_ENDS_MS });
      const late = ledger.runs().filter((run) => run.what === 'start' && run.at > ledger.clearedAt + 30_000);
      ledger.note('given to a dead socket', late.length);
      ledger.note('sockets at most', stage.relay.peak);
      await Promise.all(fleet.map((worker) => worker.stop()));
      expectAll(ledger.settle(), { lost: 0, accepted: 1_000 });
      expect(stage.relay.peak).toBeLessThanOrEqual(MOST_SOCKETS);
    });

    it('row 1: after SIGKILL of Faktory, but for one a fetch lane', async () => {
      using ledger = new Ledger({ row: 1, name: `${KILLS} SIGKILLs of Faktory at full load` });
      await using stage = await setStage(ledger);
      await oneAtATime(() => underFullLoad(stage, () => killAgainAndAgain(stage)));
      await expectLanesAtMost(stage, KILLS);
    });

    it('row 1, for comparison: with one socket a slot', async () => {
      using ledger = new Ledger({ row: 1, name: 'for comparison, a client of 500 slots with a socket each' });
      await using stage = await setStage(ledger);
      await oneAtATime(async () => {
        await stage.push(30_000);
        for (let kill = 0; kill < KILLS; kill += 1) {
          const peer = await startOneSocketASlot(stage.faktory, 500, ledger);
          await stage.untilEnded(stage.ended + ledger.int(1_000, 2_000));
          await killAndRestart(stage);
          await peer.ended;
        }
        await stage.startWorker({ concurrency: SLOTS });
        await stage.untilEnded(25_000);
      });
      await stage.untilDrained({ timeoutMs: LEASE_ENDS_MS });
      // A figure to compare with, no promise of ours.
      expect(ledger.settle().accepted).toBe(30_000);
    });

    it('row 7: after SIGTERM of Faktory and a replacement, but for one a fetch lane', async () => {
      using ledger = new Ledger({ row: 7, name: 'SIGTERM of Faktory at full load, replaced' });
      await using stage = await setStage(ledger);
      await oneAtATime(() =>
        underFullLoad(stage, async () => {
          await stage.faktory.restart();
          ledger.cleared();
        }),
      );
      const { unknown, refused } = await expectLanesAtMost(stage);
      // `shutdown in progress` says that a push was not taken: it is sent again, and its caller hears nothing.
      expect({ unknown, refused }).toEqual({ unknown: 0, refused: 0 });
    });

    it('row 3: after SIGKILL of Redis with append-only files, but for one a fetch lane', async () => {
      using ledger = new Ledger({ row: 3, name: 'SIGKILL of Redis, append-only files' });
      const redisArgs = ['--appendonly', 'yes', '--appendfsync', 'always'];
      await using stage = await setStage(ledger, { faktory: { redisArgs } });
      await oneAtATime(() => underFullLoad(stage, () => killRedisAndRestart(stage)));
      await stage.startWorker({ env: { WORKER_QUEUES: 'later' } });
      await expectLanesAtMost(stage);
    });

    it('row 3: not after SIGKILL of Redis with snapshots alone', async () => {
      using ledger = new Ledger({ row: 3, name: 'SIGKILL of Redis, snapshots alone' });
      await using stage = await setStage(ledger);
      await oneAtATime(() => underFullLoad(stage, () => killRedisAndRestart(stage)));
      await stage.startWorker({ env: { WORKER_QUEUES: 'later' } });
      await stage.untilDrained({ timeoutMs: LEASE_ENDS_MS });
      const report = ledger.settle();
      // No client can help that: what is held here is that RELIABILITY.md's warning is no empty one.
      expect(report.lost).toBeGreaterThan(FETCH_LANES);
      expectAll(report, {});
    });

    it('row 2: after Faktory was started again too early, and is knocked at twice a second', async () => {
      using ledger = new Ledger({ row: 2, name: 'SIGKILL of Faktory, started again at once' });
      await using stage = await setStage(ledger);
      // A relay for each process, to count its connects by.
      await using workersRelay = await startRelay(stage.faktory.url);
      const relays = { worker: workersRelay, client: stage.relay };
      const knocks = await oneAtATime(() => restartedTooEarly(stage, relays));
      await stage.startWorker({ url: stage.faktory.url, env: { WORKER_QUEUES: 'later' } });
      await expectLanesAtMost(stage);
      // Twice a second, and one that was due.
      const most = (2 * DOWN_MS) / 1_000 + 1;
      expect(knocks.worker).toBeLessThanOrEqual(most);
      expect(knocks.client).toBeLessThanOrEqual(most);
      expect(Math.min(knocks.worker, knocks.client)).toBeGreaterThan(0);
    });
  });
});

async function expectLanesAtMost(stage: Stage, times = 1): Promise<LedgerReport> {
  await stage.untilDrained({ timeoutMs: LEASE_ENDS_MS });
  const report = stage.ledger.settle();
  expect(report.lost).toBeLessThanOrEqual(times * FETCH_LANES);
  expect(report.extraRuns).toBeLessThanOrEqual(times * MOST_TWICE);
  expectAll(report, {});
  return report;
}

/** Every push settled once, none that was called refused was stored, and what is expected besides. */
function expectAll(report: LedgerReport, figures: Partial<LedgerReport>): void {
  expect(report).toMatchObject({ open: 0, ghosts: 0, ...figures });
}
