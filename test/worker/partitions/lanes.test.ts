/** How partitions share fetch lanes: one that has nothing holds up none that has. */
import { describe, expect, it } from 'vitest';
import { until } from '../../helpers/until.ts';
import { keysOf, setPartitionStage } from './stage.ts';

const COUNT = 16;

describe('partitions that share lanes', () => {
  it('a hot one goes on beside those that have nothing: hardly a FETCH is called back', async () => {
    await using stage = await setPartitionStage({ count: COUNT });
    const [hot] = keysOf(COUNT) as [string];
    let done = 0;
    const worker = stage.worker().register('run', async () => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      done += 1;
    });
    await stage.push(Array.from({ length: 300 }, () => ({ key: hot })));
    await worker.work();
    await until(() => done === 300, { timeoutMs: 15_000 });
    expect(worker.stats().tokens).toBeLessThan(30);
  });

  it('one that has as much as it may take holds up none', async () => {
    await using stage = await setPartitionStage({ count: COUNT });
    const keys = keysOf(COUNT);
    const seen = new Set<string>();
    let letGo = (): void => {};
    const all = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const worker = stage.worker({ concurrency: COUNT }).handle('run', async ({ partition }) => {
      seen.add(partition!.key!);
      await all;
    });
    await stage.push(Array.from({ length: 100 }, () => ({ key: keys[0]! })));
    await worker.work();
    await until(() => seen.size === 1);
    for (const key of keys.slice(1)) await stage.push([{ key }]);
    await until(() => seen.size === COUNT, { timeoutMs: 15_000 });
    letGo();
    await until(() => stage.left === 0, { timeoutMs: 15_000 });
  });
});
