import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { until } from '../../helpers/until.ts';
import { keysOf, setPartitionStage } from './stage.ts';

describe('jobs of a partition', () => {
  it('run one after another, in the order of their push, however long each takes; unkeyed ones beside them', async () => {
    await using stage = await setPartitionStage({ count: 4 });
    const seen: string[] = [];
    let running = 0;
    let most = 0;
    let plain = 0;
    const worker = stage.worker({ concurrency: 20 }).handle('run', async (ctx, key: string, i: number) => {
      expect(ctx.partition).toMatchObject({ queue: 'orders', key });
      expect(ctx.partition!.fence).toBeGreaterThan(0);
      seen.push(`${key} ${i}`);
      running += 1;
      most = Math.max(most, running);
      await pause(Math.random() * 4);
      running -= 1;
    });
    worker.handle('plain', (ctx) => {
      expect(ctx.partition).toBeUndefined();
      plain += 1;
    });
    const keys = keysOf(4);
    const jobs = Array.from({ length: 200 }, (_, i) => ({ key: keys[i % 4]!, args: [keys[i % 4], i] }));
    await stage.push(jobs);
    await stage.client.pushBulk(
      Array.from({ length: 50 }, () => ({ jobtype: 'plain', queue: 'orders', args: [] })),
    );
    await worker.work();
    await until(() => seen.length === 200 && plain === 50 && stage.left === 0);
    for (const key of keys) {
      const mine = seen.filter((each) => each.startsWith(`${key} `));
      expect(mine).toEqual(jobs.filter((job) => job.key === key).map(({ args }) => `${key} ${args[1]}`));
    }
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(4);
    expect(worker.stats().partitions).toMatchObject({ owned: 4, held: 0, skipped: 0, late: 0, repeated: 0 });
  });

  it('come in their turn although they lie in the queue in another order', async () => {
    await using stage = await setPartitionStage({ count: 1 });
    const seen: number[] = [];
    const worker = stage.worker().register('run', (i: number) => void seen.push(i));
    const stamped = await stage.stamp(Array.from({ length: 30 }, (_, i) => ({ key: 'a', args: [i] })));
    for (const { job } of stamped.reverse()) await stage.store([job]);
    await worker.work();
    await until(() => seen.length === 30 && stage.left === 0);
    expect(seen).toEqual(Array.from({ length: 30 }, (_, i) => i));
  });

  it('that fail are tried again in their place, with their history', async () => {
    await using stage = await setPartitionStage({ count: 2 });
    const [a, b] = keysOf(2) as [string, string];
    const seen: string[] = [];
    const worker = stage.worker().handle(
      'run',
      async (ctx, name: string) => {
        const attempt = (ctx.job.failure?.retry_count ?? -1) + 2;
        seen.push(`${name} ${attempt}`);
        // The other partition goes on beside it.
        if (name === 'a1') await until(() => seen.includes('b1 1'));
        if (name === 'a1' && attempt < 3) throw new Error('not yet');
      },
      { retry: () => 20 },
    );
    await stage.push([
      { key: a, args: ['a1'] },
      { key: a, args: ['a2'] },
      { key: b, args: ['b1'] },
    ]);
    await worker.work();
    await until(() => seen.includes('a2 1') && stage.left === 0);
    expect(seen.filter((each) => each.startsWith('a'))).toEqual(['a1 1', 'a1 2', 'a1 3', 'a2 1']);
    expect(worker.stats()).toMatchObject({ done: 3, failed: 2 });
  });

  it('go to Dead when their tries are used up, and the partition goes on', async () => {
    await using stage = await setPartitionStage({ count: 1 });
    const seen: string[] = [];
    const dead: string[] = [];
    const worker = stage.worker({ onDead: ({ job }) => dead.push(job.args[0] as string) }).register(
      'run',
      (name: string) => {
        seen.push(name);
        if (name === 'bad') throw new Error('never');
      },
      { retry: () => 5 },
    );
    await stage.push([
      { key: 'a', args: ['bad'], retry: 2 },
      { key: 'a', args: ['good'] },
    ]);
    await worker.work();
    await until(() => seen.includes('good') && stage.left === 0);
    expect(seen).toEqual(['bad', 'bad', 'bad', 'good']);
    expect(dead).toEqual(['bad']);
    expect(stage.faktory.counts()).toMatchObject({ dead: 1, retries: 0 });
  });

  it('pause the partition instead where that is asked for', async () => {
    await using stage = await setPartitionStage({ count: 2 });
    const [a, b] = keysOf(2) as [string, string];
    const seen: string[] = [];
    const worker = stage.worker({ partitions: { onExhausted: 'pause' } }).register('run', (name: string) => {
      seen.push(name);
      if (name === 'bad') throw new Error('never');
    });
    await stage.push([
      { key: a, args: ['bad'], retry: 0 },
      { key: a, args: ['next'] },
      { key: b, args: ['other'] },
    ]);
    await worker.work();
    await until(() => worker.stats().partitions?.paused === 1 && seen.includes('other'));
    expect(seen).not.toContain('next');
    expect(stage.faktory.counts()).toMatchObject({ dead: 0 });
  });
});

describe('a number that is missing', () => {
  it('is waited for, and its job runs in its place when it comes', async () => {
    await using stage = await setPartitionStage({ count: 1 });
    const seen: number[] = [];
    const worker = stage.worker().register('run', (i: number) => void seen.push(i));
    const stamped = await stage.stamp([0, 1, 2, 3].map((i) => ({ key: 'a', args: [i] })));
    for (const i of [0, 2, 3]) await stage.store([stamped[i]!.job]);
    await worker.work();
    await until(() => worker.stats().partitions?.gaps === 1 && worker.stats().partitions?.held === 2);
    expect(seen).toEqual([0]);
    await stage.store([stamped[1]!.job]);
    await until(() => seen.length === 4 && stage.left === 0);
    expect(seen).toEqual([0, 1, 2, 3]);
  });

  it('is found behind more than may be held at once', async () => {
    await using stage = await setPartitionStage({ count: 1 });
    const seen: number[] = [];
    const worker = stage.worker().register('run', (i: number) => void seen.push(i));
    // So large that 64 of them may be held.
    const text = 'x'.repeat(500 * 1024);
    const stamped = await stage.stamp(
      Array.from({ length: 150 }, (_, i) => ({ key: 'a', args: [i, text], reserve_for: 60 })),
    );
    const [first, ...others] = stamped.map(({ job }) => job);
    for (const job of [...others, first!]) await stage.store([job]);
    await worker.work();
    await until(() => seen.length === 150 && stage.left === 0);
    expect(seen).toEqual(Array.from({ length: 150 }, (_, i) => i));
    expect(worker.stats().partitions).toMatchObject({ skipped: 0, late: 0 });
    expect(worker.stats().handedBack).toBeGreaterThan(0);
  });

  it('is gone on without after a second by onGap: skip, and its job runs late', async () => {
    await using stage = await setPartitionStage({ count: 1 });
    const seen: number[] = [];
    const worker = stage
      .worker({ partitions: { onGap: 'skip' } })
      .register('run', (i: number) => void seen.push(i));
    const stamped = await stage.stamp([0, 1, 2].map((i) => ({ key: 'a', args: [i] })));
    for (const i of [0, 2]) await stage.store([stamped[i]!.job]);
    await worker.work();
    await until(() => seen.length === 2);
    await stage.store([stamped[1]!.job]);
    await until(() => seen.length === 3 && stage.left === 0);
    expect(seen).toEqual([0, 2, 1]);
    expect(worker.stats().partitions).toMatchObject({ skipped: 1, late: 1 });
  });

  it('is passed over at once where it is void', async () => {
    await using stage = await setPartitionStage({ count: 1 });
    const seen: number[] = [];
    const worker = stage.worker().register('run', (i: number) => void seen.push(i));
    const stamped = await stage.stamp([0, 1, 2].map((i) => ({ key: 'a', args: [i] })));
    const { epoch, number } = stamped[1]!.stamp;
    stage.coordinator.declareVoid(0, epoch, [number, number]);
    for (const i of [0, 2]) await stage.store([stamped[i]!.job]);
    await worker.work();
    await until(() => seen.length === 2 && stage.left === 0);
    expect(worker.stats().partitions).toMatchObject({ skipped: 0 });
  });

  it('that is done already is ACKed without a run', async () => {
    await using stage = await setPartitionStage({ count: 1 });
    const seen: number[] = [];
    const worker = stage.worker().register('run', (i: number) => void seen.push(i));
    const [first, second] = await stage.stamp([0, 1].map((i) => ({ key: 'a', args: [i] })));
    await stage.store([first!.job]);
    await worker.work();
    await until(() => seen.length === 1);
    await stage.store([{ ...first!.job, args: [100] }]);
    await stage.store([second!.job]);
    await until(() => seen.length === 2 && stage.left === 0);
    expect(seen).toEqual([0, 1]);
    expect(worker.stats().partitions).toMatchObject({ repeated: 1 });
  });
});
