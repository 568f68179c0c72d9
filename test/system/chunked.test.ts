import { expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { Unrecoverable } from '../../src/unrecoverable.ts';
import { Worker } from '../../src/worker/worker.ts';
import { describeOnEachFaktory } from '../helpers/each-faktory.ts';
import { until } from '../helpers/until.ts';

describeOnEachFaktory('pushChunked', (kind) => {
  it('an outcome for each item: done, tried again, or in Dead', async () => {
    await using faktory = await kind.start();
    await using client = new Client({ url: faktory.url, logger: false });
    await using worker = new Worker({ url: faktory.url, logger: false, trapSignals: false });
    const runs = new Map<number, number>();
    worker.registerChunked(
      'import',
      (items) =>
        items.map((n: number) => {
          const run = (runs.get(n) ?? 0) + 1;
          runs.set(n, run);
          if (n === 500) return new Unrecoverable('never');
          return n % 100 === 7 && run === 1 ? new Error('once') : undefined;
        }),
      { retry: () => 0 },
    );
    await worker.work();
    const items = Array.from({ length: 1_000 }, (_, n) => n);
    expect(await client.pushChunked('import', items, { size: 100, retry: 3 })).toHaveLength(10);
    await until(() => runs.size === 1_000 && [...runs].filter(([, run]) => run === 2).length === 10);
    await until(() => worker.stats().dead === 1 && worker.stats().unreported === 0, { timeoutMs: 30_000 });
    expect([...runs].filter(([, run]) => run === 2).map(([n]) => n % 100)).toEqual(new Array(10).fill(7));
    const { sets } = ((await client.info()) as unknown as { faktory: { sets: Record<string, number> } })
      .faktory;
    expect(sets).toMatchObject({ dead: 1, retries: 0, scheduled: 0, working: 0 });
  });
});
