/**
 * How a worker ends, step by step; each step has its time, and whatever Faktory does, the whole is over within
 * shutdownTimeoutMs and about 4 s.
 */
import { MillraceError } from '../errors.ts';
import { within } from '../within.ts';
import type { Engine } from './engine.ts';

/** How long aborted handlers get to clean up, and the reports to leave at least. */
const CLEAN_UP_MS = 3_000;
const REPORT_MS = 800;
/** Calling FETCHes back gets this much time even where running jobs get none. */
const RECALL_MS = 500;

/**
 * Calls FETCHes back, lets running jobs finish, tells `onAborting` and aborts the rest, hands back what does not
 * finish, sends every report, ends the connections. Never rejects.
 */
export async function shutDown(engine: Engine, onAborting: () => void): Promise<void> {
  const { flow, fetcher, plan, options, partitions } = engine;
  const { shutdownTimeoutMs } = options;
  const start = performance.now();
  const left = (ms: number): number => Math.max(0, start + ms - performance.now());
  engine.beginStop();
  await within(engine.stopFetching(), Math.max(shutdownTimeoutMs, RECALL_MS));
  // Nothing more comes to fill batches: what has not begun is handed back at once.
  flow.batches.close();
  flow.giveBackLimited();
  await partitionsDrained(engine, left(shutdownTimeoutMs));
  await flow.drained(left(shutdownTimeoutMs));
  if (left(shutdownTimeoutMs) > 0) await within(engine.reducerTimers.finish(), left(shutdownTimeoutMs));
  engine.reducerTimers.end(new MillraceError('SHUTDOWN'));
  // Whatever Faktory does, it ends by then.
  const lastMs = Math.max(shutdownTimeoutMs, RECALL_MS) + CLEAN_UP_MS + REPORT_MS;
  const isAborting = flow.running + flow.ready + (partitions?.held ?? 0) > 0;
  if (isAborting) onAborting();
  partitions?.abort();
  // Also where nothing runs: what FETCHes still bring is handed back.
  flow.abort();
  // A copy, its ACK, and END take a round trip each.
  if (isAborting) await flow.drained(Math.max(CLEAN_UP_MS / 10, CLEAN_UP_MS - 3 * plan.roundTripMs));
  await within(flow.handBackAll(), left(lastMs));
  await within(fetcher.close(), Math.min(REPORT_MS, left(lastMs)));
  // Their checkpoints come before their ACKs; while Redis is away there are none.
  await partitionsDrained(engine, Math.min(REPORT_MS, left(lastMs)));
  // As long as it may take anyway: what Faktory does not hear now is run, and its results are reduced, again.
  const reportMs = Math.max(REPORT_MS + 2 * plan.roundTripMs, left(shutdownTimeoutMs));
  await within(flow.reported(), Math.min(reportMs, left(lastMs)));
  tellWhatIsLeft(engine);
  await closeLanes(engine, Math.min(REPORT_MS, left(lastMs)));
}

/** Jobs that wait for their turn are run before partitions are given up. */
async function partitionsDrained({ partitions }: Engine, withinMs: number): Promise<void> {
  if (withinMs > 0) await partitions?.drained(withinMs);
}

/** Says END where Faktory listens; where it does not, the sockets end without. */
async function closeLanes(engine: Engine, withinMs: number): Promise<void> {
  const { fetcher, ackLanes, control, pusher, partitions } = engine;
  engine.stopTicking();
  await partitions?.close(withinMs);
  const closed = async (): Promise<void> => {
    await Promise.all([fetcher.close(), partitions?.lanes.close(), ackLanes.close()]);
    await control.close();
  };
  await within(closed(), withinMs);
  fetcher.destroy();
  partitions?.lanes.destroy();
  for (const lanes of [ackLanes, control]) lanes.destroy();
  pusher.abandon(new MillraceError('SHUTDOWN'));
}

function tellWhatIsLeft({ flow, options }: Engine): void {
  const { unreported, unmended } = flow;
  const { unreturned, doubtful } = flow.givingBack;
  const { logger } = options.link;
  if (unreturned + unreported > 0) {
    const text = `${unreturned} jobs were not handed back and ${unreported} reports not answered before the end`;
    logger.warn({ wid: options.wid }, `${text}: Faktory gives these jobs out again later`);
  }
  const undelivered = flow.results.waiting + flow.results.travelling;
  if (undelivered > 0) {
    const text = `${undelivered} results are not known to have reached their reducers before the end`;
    logger.warn({ wid: options.wid }, `${text}: Faktory gives their jobs out again`);
  }
  if (doubtful > 0) {
    const text = `${doubtful} jobs may have been handed back or not before the end: they may run twice`;
    logger.warn({ wid: options.wid }, text);
  }
  if (unmended > 0) {
    const text = `${unmended} jobs whose FAIL Faktory has lost, or may have, have no copy that is known to be stored`;
    logger.error({ wid: options.wid }, text);
  }
}
