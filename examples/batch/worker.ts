/**
 * Points of tracks, stored in Postgres 500 at a time. A point whose track is not there goes to Dead, alone; no retry can
 * mend it.
 *
 *     export DATABASE_URL=postgres://user@127.0.0.1/database
 *     npx jiti examples/batch/worker.ts
 *     npx jiti examples/batch/producer.ts 50000
 */
import { Unrecoverable, Worker } from 'millrace';
import { Pool } from 'pg';
import { createTables, storePoints } from './points.ts';

const { DATABASE_URL } = process.env;
const pool = new Pool({ connectionString: DATABASE_URL, max: 10 });
// A connection that is lost while idle is replaced by the pool; without a listener it would end the process.
pool.on('error', (error) => console.error(`Postgres: ${error.message}`));
await createTables(pool, 1_000);

const worker = new Worker({ concurrency: 10, queues: ['points'] });
worker.registerBatch('point', { maxSize: 500, maxDelayMs: 50 }, async (jobs) => {
  // `id` is the same however often the job comes back: a second run changes nothing.
  const orphans = await storePoints(
    pool,
    jobs.map(({ id, args: [point] }) => ({ id, ...point })),
  );
  // An outcome for each job, in their order: undefined for those that are done.
  return jobs.map(({ id, args: [{ track }] }) =>
    orphans.has(id) ? new Unrecoverable(`there is no track ${track}`) : undefined,
  );
});
worker.on('stop', () => void pool.end());
await worker.work();
console.log('ready');
