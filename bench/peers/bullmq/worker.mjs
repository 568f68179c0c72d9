/** BullMQ's worker, with a handler that does nothing but count. */
import { Worker } from 'bullmq';
import { meter } from '../meter.mjs';
import { connection, QUEUE } from './place.mjs';

const job = meter(() => process.exit(0));
new Worker(QUEUE, async () => job(), { connection, concurrency: Number(process.env.CONCURRENCY) });
