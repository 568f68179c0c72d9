/** npm faktory-worker. */
import faktory from 'faktory-worker';
import { meter } from './meter.mjs';

const concurrency = Number(process.env.CONCURRENCY);
// Its stop() fails with jobs under way; what it leaves is wiped before the next measurement.
const job = meter(() => process.exit(0));
faktory.register('noop', () => job());
await faktory.work({ concurrency, poolSize: concurrency + 2 });
