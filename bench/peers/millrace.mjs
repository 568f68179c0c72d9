/** This project's worker, built (dist/). */
import { Worker } from 'millrace';
import { meter } from './meter.mjs';

const worker = new Worker({
  concurrency: Number(process.env.CONCURRENCY),
  prefetch: process.env.PREFETCH === 'auto' ? 'auto' : Number(process.env.PREFETCH ?? 0),
  logger: false,
});
// Stopped, not killed: FETCHes left behind would take the jobs of the next measurement.
const job = meter(() => worker.stop().then(() => process.exit(0)));
worker.register('noop', () => job());
await worker.work();
