/** The program of the worker that the bench measures: a handler that does nothing, or waits. */
import { Worker } from '../worker/worker.ts';
import { Meter, WARM_UP } from './meter.ts';
import { serve, tell, usage } from './serve.ts';
import { JOBTYPE, type Mark, QUEUE, type WorkerOrder } from './worker-order.ts';

/** No job at all for so long, beyond the time of the measurement, is a figure too: 0. */
const FIRST_JOB_MS = 10_000;

let worker: Worker | undefined;
let meter: Meter | undefined;
let handlerMs = 0;

async function start(order: WorkerOrder): Promise<void> {
  const { concurrency, prefetch, jobs, seconds, jobTimeMs, connect } = order;
  const count = new Meter({
    jobs,
    // Time counts from here: how long the way to the first job is, is not what is measured.
    onFirst: () => {
      setTimeout(() => count.warm(), seconds * 1000 * WARM_UP);
      setTimeout(() => count.end(), seconds * 1000);
    },
    onMark: (mark, done) => tell({ event: mark, value: { ...usage(), done, handlerMs } satisfies Mark }),
  });
  meter = count;
  worker = new Worker({
    ...connect,
    concurrency,
    prefetch,
    queues: [QUEUE],
    logger: false,
    slowMs: 0,
    trapSignals: false,
  });
  worker.register(JOBTYPE, jobTimeMs === 0 ? () => count.job() : () => waitAndCount(count, jobTimeMs));
  await worker.work();
  setTimeout(() => count.end(), seconds * 1000 + FIRST_JOB_MS);
}

/** The time is taken, not believed: timers fire late. */
async function waitAndCount(count: Meter, jobTimeMs: number): Promise<void> {
  const startedAt = performance.now();
  await new Promise((resolve) => setTimeout(resolve, jobTimeMs));
  handlerMs += performance.now() - startedAt;
  count.job();
}

/** Stopped, not killed: FETCHes left behind would take the jobs of the next measurement. How many it has done. */
async function stop(): Promise<number> {
  await worker?.stop();
  return meter?.done ?? 0;
}

serve({ start, stop }, () => void stop().finally(() => process.exit(0)));
