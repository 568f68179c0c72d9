/** This project's worker, built (dist/). JOB_MS: how long a handler waits. */
import { Worker } from 'millrace';
import { meter } from './meter.mjs';

const { PREFETCH = 'auto', JOB_MS = '0', EVERYTHING } = process.env;
const jobMs = Number(JOB_MS);
const everything = EVERYTHING === undefined ? {} : await import('./everything.mjs');
const worker = new Worker({
  concurrency: Number(process.env.CONCURRENCY),
  prefetch: PREFETCH === 'auto' ? 'auto' : Number(PREFETCH),
  logger: false,
  ...everything.workerOptions,
});
// Stopped, not killed: FETCHes left behind would take the jobs of the next measurement.
const job = meter(() => worker.stop().then(() => process.exit(0)));
const wait = async () => {
  await new Promise((resolve) => setTimeout(resolve, jobMs));
  job();
};
worker.register('noop', jobMs === 0 ? () => job() : wait, everything.handlerOptions);
await worker.work();
