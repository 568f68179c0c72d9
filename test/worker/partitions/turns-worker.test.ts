/** Turns of a whole worker, on the embedded Faktory. */
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startEmbeddedFaktory } from '../../../src/embedded/index.ts';
import { FaktoryClock } from '../../../src/testing/clock.ts';
import { MovableClock } from '../../../src/testing/movable-clock.ts';
import { Unrecoverable } from '../../../src/unrecoverable.ts';
import { until } from '../../helpers/until.ts';
import { PartitionStage, setPartitionStage } from './stage.ts';

describe('turns of a worker', () => {
  it('do not go on when the process stood still for longer than its lease', async () => {
    await using stage = await setPartitionStage({ count: 1, leaseTtlMs: 1_000 });
    const seen: string[] = [];
    const worker = stage.worker().handle('run', async (ctx, name: string) => {
      seen.push(`${name} by ${ctx.partition!.fence}`);
      if (name !== 'first' || seen.length > 1) return;
      await until(() => worker.stats().partitions?.held === 1);
      // One tick: nobody can tell it meanwhile that the lease has ended, nor can it be renewed.
      const end = performance.now() + 1_200;
      while (performance.now() < end);
    });
    await stage.push(['first', 'second'].map((name) => ({ key: name, args: [name] })));
    await worker.work();
    await until(() => seen.some((each) => each.startsWith('second')) && stage.left === 0);
    const [first, ...later] = seen;
    // What follows was begun by an owner after that: the same worker, once it has the partition again.
    expect(first).toMatch(/^first by \d+$/);
    const fence = Number(first!.split(' ').at(-1));
    for (const each of later) expect(Number(each.split(' ').at(-1)), seen.join(', ')).toBeGreaterThan(fence);
  });

  it('start in order, two at a time, and all are done and ACKed, whatever fails and whichever ends first', async () => {
    await using stage = await setPartitionStage({ count: 1 });
    const starts: number[] = [];
    let running = 0;
    let most = 0;
    const worker = stage.worker({ concurrency: 10, partitions: { concurrency: 2 } }).handle(
      'run',
      async (ctx, i: number) => {
        const isFirst = ctx.job.failure === undefined;
        if (isFirst) starts.push(i);
        running += 1;
        most = Math.max(most, running);
        // Each third one fails, and ends after the one behind it has started, if there is one.
        if (isFirst && i % 3 === 0) await until(() => starts.includes(i + 1));
        else await pause(i % 2);
        running -= 1;
        if (isFirst && i % 3 === 0) throw new Error('once');
      },
      { retry: () => 5 },
    );
    const jobs = Array.from({ length: 29 }, (_, i) => ({ key: i % 2 === 0 ? 'a' : 'b', args: [i] }));
    await stage.push(jobs);
    await worker.work();
    await until(() => worker.stats().done === 29 && stage.left === 0);
    expect(starts).toEqual(jobs.map(({ args }) => args[0]));
    expect([most, worker.stats().failed]).toEqual([2, 10]);
  });

  it('are ACKed as soon as what keeps them from being stored is gone on without', async () => {
    const faktory = await startEmbeddedFaktory({
      intercept: (line) => (line.startsWith('MUTATE') ? '-ERR no\r\n' : undefined),
    });
    await using stage = new PartitionStage(faktory, 1, 3_000);
    const seen: string[] = [];
    const worker = stage.worker({ partitions: { concurrency: 2, onGap: 'skip' } });
    worker.register('run', async (name: string) => {
      seen.push(name);
      if (name === 'bad') await until(() => seen.includes('long'));
      if (name === 'bad') throw new Unrecoverable('never');
      // The good one is ACKed while these run.
      if (name === 'long' || name === 'last') await until(() => stage.left === 2);
    });
    // No copy can stand for the first: it is in Retries, and is waited for.
    await stage.push(
      ['bad', 'good', 'long', 'last'].map((name) => ({
        key: name,
        args: [name],
        retry: 5,
        ...(name === 'bad' ? { custom: { track: 1 } } : {}),
      })),
    );
    await worker.work();
    await until(() => worker.stats().done === 3 && stage.left === 0);
    expect([seen, worker.stats().failed]).toEqual([['bad', 'good', 'long', 'last'], 1]);
  });

  it('send a job to Dead without MUTATE, however large Retries is, and it runs when it is requeued', async () => {
    const asked: string[] = [];
    const faktory = await startEmbeddedFaktory({
      intercept: (line) => {
        asked.push(line.split(' ')[0]!);
        return undefined;
      },
    });
    await using stage = new PartitionStage(faktory, 1, 3_000);
    const seen: string[] = [];
    const dead: unknown[] = [];
    const bad = new Unrecoverable('never');
    const worker = stage
      .worker({ onDead: ({ job, error }) => dead.push([job.args[0], error]) })
      .register('run', (name: string) => {
        seen.push(name);
        if (name === 'bad' && seen.length === 1) throw bad;
      });
    await stage.push(['bad', 'good'].map((name) => ({ key: 'a', args: [name], retry: 5 })));
    await worker.work();
    await until(() => faktory.counts().dead === 1 && stage.left === 0);
    expect([seen, dead]).toEqual([['bad', 'good'], [['bad', bad]]]);
    expect(faktory.counts()).toMatchObject({ retries: 0, failures: 1 });
    expect(asked).not.toContain('MUTATE');
    await stage.client.send(['MUTATE', '{"cmd":"requeue","target":"dead","filter":{}}']);
    await until(() => seen.length === 3 && stage.left === 0);
    expect([seen, faktory.counts().dead]).toEqual([['bad', 'good', 'bad'], 0]);
  });

  it('wait for one that no copy can stand for until it is in Dead', async () => {
    const clock = new MovableClock();
    let refusals = 0;
    const faktory = await startEmbeddedFaktory({
      clock,
      intercept: (line) =>
        line.startsWith('MUTATE') && ++refusals === 1 ? '-ERR context deadline exceeded\r\n' : undefined,
    });
    await using stage = new PartitionStage(faktory, 1, 3_000);
    const seen: string[] = [];
    const worker = stage.worker().register('run', (name: string) => {
      seen.push(name);
      if (name === 'bad') throw new Unrecoverable('never');
    });
    await stage.push([
      { key: 'a', args: ['bad'], retry: 5, custom: { track: 1 } },
      { key: 'a', args: ['good'], retry: 5 },
    ]);
    await worker.work();
    await until(() => refusals === 1 && faktory.counts().retries === 1);
    await until(() => worker.stats().partitions?.gaps === 1);
    expect(seen).toEqual(['bad']);
    new FaktoryClock(clock, faktory).advance(60_000);
    await until(() => seen.includes('good') && stage.left === 0);
    expect(seen).toEqual(['bad', 'bad', 'good']);
    expect(faktory.counts()).toMatchObject({ dead: 1, retries: 0 });
  });
});
