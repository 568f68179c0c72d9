import { expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import type { ReducerResult } from '../../src/worker/results/payload.ts';
import { Worker } from '../../src/worker/worker.ts';
import { describeOnRealFaktory } from '../helpers/each-faktory.ts';
import { startRealFaktory } from '../helpers/real-faktory.ts';
import { until } from '../helpers/until.ts';

/** What Faktory itself says of the jobs of reducers, and of queues that are held back. */

interface Info {
  faktory: { queues: Record<string, number>; sets: Record<string, number>; total_failures: number };
}

describeOnRealFaktory('results and limits', (version) => {
  it('results reach their reducer in few jobs, and Faktory holds nothing afterwards', async () => {
    await using faktory = await startRealFaktory({ version });
    await using client = new Client({ url: faktory.url, logger: false });
    await using worker = new Worker({
      url: faktory.url,
      logger: false,
      trapSignals: false,
      queues: ['sums', 'default'],
      results: { maxSize: 100, maxDelayMs: 100 },
    });
    const got: ReducerResult[] = [];
    let calls = 0;
    worker.register('add', (a: number, b: number) => a + b, { reduceTo: { jobtype: 'sum', queue: 'sums' } });
    worker.registerReducer('sum', {
      process: (results) => {
        calls += 1;
        got.push(...results);
      },
    });
    await worker.work();
    const jids = await Promise.all(
      Array.from({ length: 2_000 }, (_, n) => client.push({ jobtype: 'add', args: [n, 1] })),
    );
    await until(() => got.length >= jids.length, { timeoutMs: 60_000 });
    expect(new Set(got.map(({ source }) => source))).toEqual(new Set(jids));
    expect(got.reduce((sum, { result }) => sum + (result as number), 0)).toBe(2_001_000);
    expect(calls).toBeLessThan(200);
    const held = async (): Promise<number> =>
      ((await client.info()) as unknown as Info).faktory.sets.working!;
    await until(async () => (await held()) === 0, { everyMs: 100, timeoutMs: 30_000 });
    expect(((await client.info()) as unknown as Info).faktory.total_failures).toBe(0);
  });

  it('a limited jobtype leaves the rest of its queue in Faktory', async () => {
    await using faktory = await startRealFaktory({ version });
    await using client = new Client({ url: faktory.url, logger: false });
    await using worker = new Worker({
      url: faktory.url,
      logger: false,
      trapSignals: false,
      queues: ['mails', 'default'],
      concurrency: 20,
    });
    let [now, most, mails, others] = [0, 0, 0, 0];
    const ends: (() => void)[] = [];
    worker.register(
      'mail',
      async () => {
        now += 1;
        most = Math.max(most, now);
        await new Promise<void>((resolve) => ends.push(resolve));
        now -= 1;
        mails += 1;
      },
      { concurrency: 2, queue: 'mails' },
    );
    worker.register('other', () => {
      others += 1;
    });
    await worker.work();
    await Promise.all(Array.from({ length: 20 }, () => client.push({ jobtype: 'mail', queue: 'mails' })));
    await until(() => now === 2);
    await Promise.all(Array.from({ length: 100 }, () => client.push({ jobtype: 'other' })));
    await until(() => others === 100);
    const { queues } = ((await client.info()) as unknown as Info).faktory;
    expect(queues.mails).toBe(18);
    await until(() => {
      for (const end of ends.splice(0)) end();
      return mails === 20;
    });
    expect(most).toBe(2);
  });
});
