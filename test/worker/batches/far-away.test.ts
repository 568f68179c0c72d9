import { expect, it } from 'vitest';
import { Client } from '../../../src/client/client.ts';
import { startFaktory } from '../../../src/testing/test-faktory.ts';
import { Worker } from '../../../src/worker/worker.ts';
import { startRelay } from '../../helpers/relay.ts';
import { until } from '../../helpers/until.ts';

const JOBS = 5_000;
const SIZE = 100;

it('batches are full at a round trip of 50 ms, once fetching has found out how much is of use', async () => {
  const faktory = await startFaktory();
  const relay = await startRelay(faktory.url, { delayMs: 25 });
  const client = new Client({ url: faktory.url, logger: false });
  const worker = new Worker({ url: relay.url, logger: false, trapSignals: false, concurrency: 2 });
  const sizes: number[] = [];
  // Long enough for a machine that has other things to do; what two slots fetch for themselves would fill a tenth of it.
  worker.registerBatch('point', { maxSize: SIZE, maxDelayMs: 250 }, (jobs) => {
    sizes.push(jobs.length);
  });
  try {
    await client.pushBulk(Array.from({ length: JOBS }, () => ({ jobtype: 'point' })));
    await worker.work();
    await until(() => worker.stats().done === JOBS, { timeoutMs: 15_000, what: () => sizes.join() });
    let before = 0;
    const later = sizes.filter((size) => {
      before += size;
      return before > JOBS / 4;
    });
    // The last one is what was left.
    later.pop();
    const mean = later.reduce((a, b) => a + b) / later.length;
    expect(mean, sizes.join()).toBeGreaterThan(0.9 * SIZE);
  } finally {
    await worker.stop();
    await client.close();
    await relay[Symbol.asyncDispose]();
    await faktory.stop();
  }
});
