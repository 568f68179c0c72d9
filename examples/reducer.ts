/**
 * Results and their reducer: 10,000 additions a second, whose sums are added up in some twenty calls a second.
 *
 *     npx jiti examples/reducer.ts
 *
 * RATE and SECONDS say how many jobs, for how long. It needs a Faktory (`millrace faktory`), FAKTORY_URL says where.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Client, RecentSources, Worker } from 'millrace';

const RATE = Number(process.env.RATE ?? 10_000);
const SECONDS = Number(process.env.SECONDS ?? 3);
const TICK_MS = 10;
// Seconds a worker may hold a job, the least that Faktory allows: so soon after a crash it comes again.
const RESERVE_FOR = 60;

// Up to 500 results travel as one job, and none waits longer than 50 ms for the others.
const worker = new Worker({
  concurrency: 100,
  // In this order: sums do not wait until all additions are done.
  queues: ['sums', 'additions'],
  results: { maxSize: 500, maxDelayMs: 50 },
});

// What it returns goes to the reducer before its job is acknowledged: whatever dies in between, nothing is lost.
worker.register('add', (a: number, b: number) => a + b, {
  reduceTo: { jobtype: 'sum', queue: 'sums', reserveFor: RESERVE_FOR },
});

let [total, results, calls] = [0, 0, 0];
// Some may come twice, after a crash or a cut: when the reservation is over, and Faktory tries again up to 75 s later.
// (With a database: in its transaction, by a unique `source`.)
const windowMs = (RESERVE_FOR + 120) * 1_000;
const recent = new RecentSources({ windowMs, maxSize: (RATE * windowMs) / 1_000 });
worker.registerReducer('sum', {
  process: (batch, { signal }) =>
    recent.once(
      batch,
      (fresh) => {
        for (const { result } of fresh) total += result;
        results += fresh.length;
        calls += 1;
      },
      // A call that is given up must not hold up the one that has its results next.
      { signal },
    ),
  // What need not happen on every batch.
  timer: {
    everyMs: 500,
    run: ({ batches }) => console.log(`so far ${results} results, total ${total}; ${batches} more calls`),
  },
});
await worker.work();

const client = new Client();
const start = performance.now();
let pushed = 0;
let expected = 0;
while (pushed < RATE * SECONDS) {
  const due = Math.min(RATE * SECONDS, Math.ceil(((performance.now() - start) / 1_000) * RATE));
  // Waits while too much is on its way.
  for (; pushed < due; pushed += 1) {
    await client.enqueue({
      jobtype: 'add',
      queue: 'additions',
      args: [pushed, 1],
      reserve_for: RESERVE_FOR,
    });
    expected += pushed + 1;
  }
  await pause(TICK_MS);
}
await client.flush();
while (results < pushed) await pause(TICK_MS);
const seconds = (performance.now() - start) / 1_000;

const perSecond = (count: number): string => (count / seconds).toFixed(count > 1_000 ? 0 : 1);
console.log(`${pushed} jobs in ${seconds.toFixed(1)} s: ${perSecond(pushed)} a second`);
console.log(
  `${calls} calls of the reducer: ${perSecond(calls)} a second, ${Math.round(results / calls)} results each`,
);
console.log(`the total is ${total}, ${total === expected ? 'as it must be' : `and should be ${expected}`}`);
await client.close();
await worker.stop();
