/** This project's worker, built (dist/). */
import { Worker } from 'millrace';
import { meter } from './meter.mjs';

const { PREFETCH = 'auto' } = process.env;
const worker = new Worker({
  concurrency: Number(process.env.CONCURRENCY),
  prefetch: PREFETCH === 'auto' ? 'auto' : Number(PREFETCH),
  logger: false,
});
// Stopped, not killed: FETCHes left behind would take the jobs of the next measurement.
const job = meter(() => worker.stop().then(() => process.exit(0)));
worker.register('noop', () => job());
await worker.work();
