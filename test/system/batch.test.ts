import { Pool } from 'pg';
import { expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { describeOnEachFaktory } from '../helpers/each-faktory.ts';
import { describeWithPostgres, startPostgres } from '../helpers/postgres-server.ts';
import { startProcess } from '../helpers/process.ts';
import { until } from '../helpers/until.ts';

const POINTS = 50_000;

describeWithPostgres('the batch example, with Postgres', () => {
  describeOnEachFaktory('examples/batch', (kind) => {
    it('stores 50,000 points, and has the orphans alone in Dead', async () => {
      await using postgres = await startPostgres();
      await using faktory = await kind.start();
      const env = { FAKTORY_URL: faktory.url, DATABASE_URL: postgres.url };
      await using worker = startProcess('node_modules/.bin/jiti', ['examples/batch/worker.ts'], { env });
      await worker.waitForLine(/^ready$/);
      await using producer = startProcess(
        'node_modules/.bin/jiti',
        ['examples/batch/producer.ts', String(POINTS)],
        {
          env,
        },
      );
      expect(await producer.waitForExit({ timeoutMs: 60_000 })).toMatchObject({ code: 0 });
      await using client = new Client({ url: faktory.url, logger: false });
      const sets = async () =>
        ((await client.info()) as unknown as { faktory: { sets: Record<string, number> } }).faktory.sets;
      const pool = new Pool({ connectionString: postgres.url, max: 1 });
      try {
        const stored = async (): Promise<number> =>
          (await pool.query<{ n: number }>('select count(*)::int as n from points')).rows[0]!.n;
        await until(async () => (await stored()) === POINTS * 0.99, { timeoutMs: 60_000, everyMs: 100 });
        await until(async () => (await sets()).dead === POINTS / 100, { timeoutMs: 60_000, everyMs: 500 });
        expect(await sets()).toMatchObject({ retries: 0, scheduled: 0 });
        await until(async () => (await sets()).working === 0, { everyMs: 500 });
        expect(await stored()).toBe(POINTS * 0.99);
        expect(await worker.stop()).toMatchObject({ code: 0 });
        // It is still there when the worker is started again: its jobs are acknowledged, nobody would store it anew.
        await using again = startProcess('node_modules/.bin/jiti', ['examples/batch/worker.ts'], { env });
        await again.waitForLine(/^ready$/);
        expect(await stored()).toBe(POINTS * 0.99);
        expect(await again.stop()).toMatchObject({ code: 0 });
      } finally {
        await pool.end();
      }
    });
  });
});
