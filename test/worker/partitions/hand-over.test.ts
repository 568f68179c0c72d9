import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Worker } from '../../../src/worker/worker.ts';
import { until } from '../../helpers/until.ts';
import { keysOf, type PartitionStage, setPartitionStage } from './stage.ts';

interface Run {
  readonly key: string;
  readonly i: number;
  readonly what: 'start' | 'end';
  readonly fence: number;
  readonly who: string;
}

/** Keeps what handlers did, in order. */
function recorded(
  runs: Run[],
  worker: Worker,
  who: string,
  ms: () => number = () => Math.random() * 3,
): Worker {
  return worker.handle('run', async (ctx, key: string, i: number) => {
    const { fence } = ctx.partition!;
    runs.push({ key, i, what: 'start', fence, who });
    await pause(ms());
    if (!ctx.signal.aborted) runs.push({ key, i, what: 'end', fence, who });
  });
}

/** A job may run again, but neither before those before it have ended, nor after one behind it has started. */
function expectOrder(runs: readonly Run[], jobs: number): void {
  for (const key of new Set(runs.map((run) => run.key))) {
    const mine = runs.filter((run) => run.key === key);
    let latest = -1;
    const ended = new Set<number>();
    for (const { i, what } of mine) {
      if (what === 'end') ended.add(i);
      else {
        expect(i, JSON.stringify(mine)).toBeGreaterThanOrEqual(latest);
        if (i > latest && latest >= 0) expect(ended, `${i} of ${key} after ${latest}`).toContain(latest);
        latest = i;
      }
    }
  }
  const ended = new Set(runs.filter(({ what }) => what === 'end').map(({ key, i }) => `${key} ${i}`));
  expect(ended.size).toBe(jobs);
}

/** `each` jobs for each key, taking turns. */
function jobsOf(keys: readonly string[], each: number, from = 0) {
  return Array.from({ length: each * keys.length }, (_, n) => {
    const key = keys[n % keys.length]!;
    return { key, args: [key, from + Math.floor(n / keys.length)], reserve_for: 60 };
  });
}

const owned = (worker: Worker): number => worker.stats().partitions!.owned;

async function untilShared(stage: PartitionStage, each: number): Promise<void> {
  await until(() => stage.workers.every((worker) => owned(worker) === each), {
    timeoutMs: 15_000,
    what: () => `${each} partitions each: ${stage.workers.map(owned)}`,
  });
}

describe('partitions of several workers', () => {
  it('are given up in part when another joins, and taken back when it stops: order holds', async () => {
    await using stage = await setPartitionStage({ count: 4 });
    const runs: Run[] = [];
    const a = recorded(runs, stage.worker(), 'a');
    await a.work();
    const keys = keysOf(4);
    await until(() => owned(a) === 4);
    await stage.push(jobsOf(keys, 100));
    const b = recorded(runs, stage.worker(), 'b');
    await b.work();
    await untilShared(stage, 2);
    await stage.push(jobsOf(keys, 60, 100));
    await until(() => runs.some(({ who }) => who === 'b'));
    await b.stop();
    await until(() => owned(a) === 4);
    await until(() => runs.filter(({ what }) => what === 'end').length >= 640 && stage.left === 0);
    expectOrder(runs, 640);
    expect(runs.filter(({ what }) => what === 'start')).toHaveLength(640);
    expect(stage.workers.map((worker) => worker.stats().partitions!.skipped)).toEqual([0, 0]);
  });

  it('of a worker that stops are run to the end of what it holds, and given back', async () => {
    await using stage = await setPartitionStage({ count: 2, leaseTtlMs: 30_000 });
    const runs: Run[] = [];
    const a = recorded(runs, stage.worker(), 'a', () => 5);
    await stage.push(jobsOf(keysOf(2), 100));
    await a.work();
    await until(() => runs.length > 20);
    await a.stop();
    const { each } = (await stage.coordinator.status())!;
    expect(each.map(({ owner }) => owner)).toEqual([undefined, undefined]);
    const b = recorded(runs, stage.worker(), 'b', () => 1);
    await b.work();
    await until(() => runs.filter(({ what }) => what === 'end').length >= 200 && stage.left === 0);
    expectOrder(runs, 200);
    expect(runs.filter(({ what }) => what === 'start')).toHaveLength(200);
  });

  it('of a worker that stops while a handler does not end: what it held is handed back, and runs in order', async () => {
    await using stage = await setPartitionStage({ count: 1, leaseTtlMs: 2_000 });
    const runs: Run[] = [];
    const hangs = (): number => (runs.length > 6 ? 60_000 : 1);
    const a = stage.worker({ shutdownTimeoutMs: 50 }).handle('run', async (ctx, key: string, i: number) => {
      runs.push({ key, i, what: 'start', fence: 0, who: 'a' });
      await pause(hangs(), undefined, { signal: ctx.signal });
      runs.push({ key, i, what: 'end', fence: 0, who: 'a' });
    });
    await stage.push(jobsOf(['a'], 30));
    await a.work();
    await until(() => runs.length > 6);
    await a.stop();
    const b = recorded(runs, stage.worker(), 'b', () => 1);
    await b.work();
    await until(() => runs.filter(({ what }) => what === 'end').length >= 30 && stage.left === 0, {
      timeoutMs: 15_000,
    });
    expectOrder(runs, 30);
  });

  it('whose lease ends while jobs of it run: the signal aborts, nothing is ACKed, and another owner runs them', async () => {
    await using stage = await setPartitionStage({ count: 1, leaseTtlMs: 1_000 });
    const seen: string[] = [];
    const a = stage.worker().handle('run', async (ctx, key: string, i: number) => {
      seen.push(`a ${key} ${i}`);
      if (i < 2) return;
      // The holder finds out at its next renewal.
      await stage.coordinator.release({
        partition: 0,
        owner: (await holderOf(stage))!,
        fence: ctx.partition!.fence,
      });
      await stage.coordinator.acquire(0, 'another');
      await until(() => ctx.signal.aborted);
      seen.push(`aborted ${(ctx.signal.reason as { code: string }).code}`);
    });
    await stage.push(jobsOf(['k'], 5));
    await a.work();
    await until(() => seen.some((each) => each.startsWith('aborted')));
    await until(() => stage.faktory.counts().working === 0);
    expect(seen).toEqual(['a k 0', 'a k 1', 'a k 2', 'aborted LEASE_EXPIRED']);
    expect(stage.left).toBe(3);
  });
});

async function holderOf(stage: PartitionStage): Promise<string | undefined> {
  return (await stage.coordinator.status())!.each[0]!.owner;
}

describe('without Redis', () => {
  it('a worker has the partitions of its ordinal, and runs each one after another', async () => {
    await using stage = await setPartitionStage({ count: 4 });
    const runs: string[] = [];
    let running = 0;
    const fixed = { coordinators: undefined, redisUrl: undefined, perPod: 2, ordinal: 1 };
    const { coordinators: _none, ...partitions } = fixed;
    const { Worker } = await import('../../../src/worker/worker.ts');
    const worker = new Worker({
      url: stage.faktory.url,
      logger: false,
      trapSignals: false,
      queues: ['orders'],
      partitions: { count: 4, ...partitions },
    }).register('run', async (name: string) => {
      running += 1;
      expect(running).toBeLessThanOrEqual(2);
      await pause(2);
      runs.push(name);
      running -= 1;
    });
    stage.workers.push(worker);
    for (let i = 0; i < 20; i += 1)
      for (const number of [0, 2, 3])
        await stage.client.push({ jobtype: 'run', queue: `orders.${number}`, args: [`${number} ${i}`] });
    await worker.work();
    await until(() => runs.length === 40 && stage.faktory.counts().working === 0);
    expect(stage.faktory.counts().queues['orders.0']).toBe(20);
    expect(runs.filter((each) => each.startsWith('2'))).toEqual(
      Array.from({ length: 20 }, (_, i) => `2 ${i}`),
    );
  });
});
