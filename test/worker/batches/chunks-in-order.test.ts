import { expect, it } from 'vitest';
import { startEmbeddedFaktory } from '../../../src/embedded/index.ts';
import { selectJobs } from '../../../src/testing/jobs.ts';
import { Unrecoverable } from '../../../src/unrecoverable.ts';
import { until } from '../../helpers/until.ts';
import { PartitionStage } from '../partitions/stage.ts';

it('in a partition the items that failed are tried again alone, in their place, and are alone in Dead', async () => {
  await using faktory = await startEmbeddedFaktory();
  await using stage = new PartitionStage(faktory, 2, 10_000);
  const seen: unknown[][] = [];
  const worker = stage.worker({ concurrency: 4 });
  worker.registerChunked(
    'run',
    (items) => {
      const isFirst = seen.length === 0;
      seen.push([...items]);
      return items.map((n) => {
        if (n === 3) return new Unrecoverable('never');
        return n === 4 && isFirst ? new Error('once') : undefined;
      });
    },
    { retry: () => 1 },
  );
  await worker.work();
  await stage.push([
    { key: 'k', args: [[1, 2, 3, 4, 5], 'more'], retry: 9 },
    { key: 'k', args: [[6]] },
  ]);
  await until(() => worker.stats().done === 1);
  expect(seen).toEqual([[1, 2, 3, 4, 5], [3, 4], [3], [6]]);
  await until(() => faktory.counts().dead === 1);
  expect(selectJobs(faktory, { state: 'dead' })).toMatchObject([{ args: [[3], 'more'] }]);
});
