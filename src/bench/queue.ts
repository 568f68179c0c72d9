/** The bench's own queue: filled before each measurement, emptied at the end. No other queue is touched. */
import { Client } from '../client/client.ts';
import { MillraceError } from '../errors.ts';
import { Child } from './child.ts';
import { JOBTYPE, QUEUE, type Reach, type WorkerOrder } from './worker-order.ts';

/** A job that a bench left behind, killed perhaps, ends by itself: it is not tried again. */
const JOB = { jobtype: JOBTYPE, queue: QUEUE, retry: 0, reserve_for: 600 } as const;
const PUSHED_AT_ONCE = 1_000;
const DRAIN_LIMIT_MS = 60_000;
const LOOK_EVERY_MS = 100;
/** Empty so many times in a row: of what a FETCH has taken, nothing came back. */
const EMPTY_TIMES = 3;
const PINGS = 7;

/** Pushes until the queue holds `wanted`, or it is aborted; `there` are in it. How many it holds then. */
export async function fill(
  reach: Reach,
  there: number,
  wanted: number,
  signal: AbortSignal,
): Promise<number> {
  await using client = new Client({ ...reach, logger: false });
  let held = there;
  while (held < wanted && !signal.aborted) {
    const end = Math.min(wanted, held + PUSHED_AT_ONCE);
    for (; held < end; held += 1) await client.enqueue({ ...JOB, args: [held] });
    await client.flush();
  }
  return held;
}

/** The median of some PINGs, in ms, on a connection that is up. Throws what keeps Faktory away. */
export async function roundTrip(reach: Reach): Promise<number> {
  await using client = new Client({ ...reach, logger: false });
  await client.connect();
  const times: number[] = [];
  for (let i = 0; i < PINGS; i += 1) times.push(await client.ping());
  return times.sort((a, b) => a - b)[Math.floor(PINGS / 2)]!;
}

/**
 * Takes all jobs out of the queue and does nothing with them. Not by QUEUE REMOVE, which may end a Faktory that others
 * use. Throws NOT_DRAINED.
 */
export async function drain(reach: Reach): Promise<void> {
  await using client = new Client({ ...reach, logger: false });
  if (await isEmpty(client)) return;
  await using worker = new Child('worker');
  const order: WorkerOrder = {
    connect: reach,
    concurrency: 100,
    prefetch: 'auto',
    jobs: Number.MAX_SAFE_INTEGER,
    seconds: DRAIN_LIMIT_MS / 1000,
    jobTimeMs: 0,
  };
  await worker.call('start', order);
  const until = performance.now() + DRAIN_LIMIT_MS;
  let empty = 0;
  while (empty < EMPTY_TIMES && performance.now() < until) {
    empty = (await isEmpty(client)) ? empty + 1 : 0;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  await worker.call('stop');
  if (empty < EMPTY_TIMES) {
    throw new MillraceError(
      'NOT_DRAINED',
      `the queue ${QUEUE} still has jobs of this bench: clear it on Faktory's page`,
    );
  }
}

/** By its latency, for which Faktory, unlike for INFO, goes through no map. */
async function isEmpty(client: Client): Promise<boolean> {
  const latency = JSON.parse(await client.send(['QUEUE', 'LATENCY', QUEUE])) as Record<string, number>;
  return (latency[QUEUE] ?? 0) === 0;
}
