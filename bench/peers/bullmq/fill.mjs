/** Empties its Redis and fills the queue. A job leaves Redis when it is done, as it leaves Faktory. */
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { connection, QUEUE } from './place.mjs';

const BULK = 1_000;
const jobs = Number(process.env.JOBS);

const redis = new Redis(connection);
await redis.flushall();
redis.disconnect();

const queue = new Queue(QUEUE, { connection });
for (let at = 0; at < jobs; at += BULK) {
  const bulk = Array.from({ length: Math.min(BULK, jobs - at) }, (_, i) => ({
    name: 'noop',
    data: [at + i],
    opts: { removeOnComplete: true },
  }));
  await queue.addBulk(bulk);
}
await queue.close();
