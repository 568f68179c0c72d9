/**
 * A program of its own around a Worker: long jobs that heed their signal, and an orderly end.
 *
 *     npx millrace faktory                       (in another terminal; end `npm start` first: its worker takes the jobs)
 *     npx jiti examples/graceful-shutdown.ts     (end it with Ctrl-C)
 *     npx millrace push import 1000              (in a third one)
 *
 * `stop()` calls outstanding FETCHes back, lets running jobs go on for shutdownTimeoutMs, then aborts their signals,
 * hands back what still does not end (no retry is burnt), sends every report, and ends the connections.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'millrace';

const worker = new Worker({ concurrency: 10, shutdownTimeoutMs: 2_000, trapSignals: false });

worker.handle('import', async (ctx, rows: number) => {
  for (let row = 0; row < rows; row += 1) {
    // Throws when the signal aborts: what was not reached is done by whoever gets the job next.
    await sleep(10, undefined, { signal: ctx.signal });
  }
  console.log(`imported ${rows} rows`);
});

async function end(): Promise<void> {
  console.log('ending');
  await worker.stop();
  const { done, failed, handedBack } = worker.stats();
  console.log(`ended: ${done} done, ${failed} failed, ${handedBack} handed back`);
}

process.once('SIGINT', end).once('SIGTERM', end);
await worker.work();
console.log('working');
