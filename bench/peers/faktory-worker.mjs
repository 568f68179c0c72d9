/** npm faktory-worker. */
import faktory from 'faktory-worker';
import { meter } from './meter.mjs';

const concurrency = Number(process.env.CONCURRENCY);
const job = meter(() => faktory.stop().then(() => process.exit(0)));
faktory.register('noop', () => job());
await faktory.work({ concurrency, poolSize: concurrency + 2 });
