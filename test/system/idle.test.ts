import { expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { Worker } from '../../src/worker/worker.ts';
import { describeOnEachFaktory } from '../helpers/each-faktory.ts';
import { until } from '../helpers/until.ts';

/** TARGETS section 1, row 6: sockets follow the work. */
describeOnEachFaktory('a worker after a burst', (kind) => {
  it('gives its lanes up, tokens calling their FETCHes back, and takes new ones for the next burst', async () => {
    await using faktory = await kind.start();
    await using client = new Client({ url: faktory.url, logger: false });
    let done = 0;
    await using worker = new Worker({
      url: faktory.url,
      concurrency: 500,
      logger: false,
      trapSignals: false,
    });
    worker.register('add', () => {
      done += 1;
    });
    await worker.work();
    const sockets = (): number => worker.stats().connections;
    let peak = 0;
    const burst = async (jobs: number): Promise<void> => {
      const end = done + jobs;
      await client.pushBulk(Array.from({ length: jobs }, () => ({ jobtype: 'add' })));
      await until(() => {
        peak = Math.max(peak, sockets());
        return done >= end;
      });
    };
    await burst(10_000);
    await until(() => sockets() <= 6, {
      timeoutMs: 50_000,
      what: () => `6 sockets: ${JSON.stringify(worker.stats().lanes)}`,
    });
    await burst(10_000);
    expect(peak).toBeGreaterThan(6);
    expect(peak).toBeLessThanOrEqual(40);
    // Given up, not lost: nothing was left behind.
    expect(done).toBe(20_000);
    expect(worker.stats()).toMatchObject({ stranded: 0, failed: 0, late: 0 });
  }, 120_000);
});
