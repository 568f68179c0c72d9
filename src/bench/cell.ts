/** One measurement: a worker in a process of its own, from the end of its warm-up to its last job. */
import { MillraceError } from '../errors.ts';
import { Child, loadBetween, type Usage } from './child.ts';
import type { Figure } from './classify.ts';
import { type MachineTimes, machineLoad, machineTimes } from './machine.ts';
import type { Cell } from './sweep.ts';
import type { Mark, Reach, WorkerOrder } from './worker-order.ts';

export interface Measured {
  /** undefined when it was aborted. */
  readonly figure: Figure | undefined;
  /** Jobs that are no longer in the queue. */
  readonly taken: number;
}

export interface MeasureOptions {
  readonly cell: Cell;
  readonly relay: Child;
  /** The embedded Faktory, where it is that. */
  readonly faktory: Child | undefined;
  /** Through the relay. */
  readonly reach: Reach;
  readonly roundTripMs: number;
  readonly jobs: number;
  readonly seconds: number;
  readonly jobTimeMs: number;
  readonly signal: AbortSignal;
}

/** A worker that does not come to its end is given up so long after it should have. */
const PATIENCE_MS = 20_000;
/** What the relay counted between two marks is blurred by how late it is asked: short runs are counted whole. */
const SHORT_MS = 200;

interface Moment {
  readonly mark: Mark;
  readonly bytes: number;
  readonly relay: Usage;
  readonly faktory: Usage | undefined;
  readonly machine: MachineTimes;
}

/** Throws INTERNAL when a process of the bench ends, FAKTORY_UNREACHABLE when the worker does not come to its end. */
export async function measure(options: MeasureOptions): Promise<Measured> {
  const { cell, relay, reach, jobs, seconds, jobTimeMs } = options;
  const bytesBefore = await relay.call<number>('bytes');
  const moments = new Map<string, Promise<Moment>>();
  let onEnd = (): void => {};
  const ended = new Promise<void>((resolve) => {
    onEnd = resolve;
  });
  await using worker = new Child('worker', (event, value) => {
    moments.set(event, momentOf(options, value as Mark));
    if (event === 'end') onEnd();
  });
  const order: WorkerOrder = { connect: reach, ...cell, jobs, seconds, jobTimeMs };
  await endOf(worker.call('start', order), ended, options);
  const [from, to] = await Promise.all([moments.get('warm'), moments.get('end')]);
  const taken = await worker.call<number>('stop');
  if (from === undefined || to === undefined) return { figure: undefined, taken };
  const bytesAfter = await relay.call<number>('bytes');
  const bytesPerJob = taken === 0 ? 0 : (bytesAfter - bytesBefore) / taken;
  return { figure: figureOf(options, from, to, bytesPerJob), taken };
}

/** Until the measurement is over, aborted, or has failed. */
async function endOf(
  started: Promise<void>,
  ended: Promise<void>,
  { cell, seconds, signal }: MeasureOptions,
): Promise<void> {
  if (signal.aborted) return;
  const closing = new AbortController();
  const aborted = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { signal: closing.signal });
  });
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooLong(cell)), seconds * 1000 + PATIENCE_MS);
  });
  try {
    await Promise.race([started.then(() => ended), aborted, patience]);
  } finally {
    clearTimeout(timer);
    closing.abort();
  }
}

async function momentOf({ relay, faktory }: MeasureOptions, mark: Mark): Promise<Moment> {
  const machine = machineTimes();
  const [bytes, relayUsage, faktoryUsage] = await Promise.all([
    relay.call<number>('bytes'),
    relay.call<Usage>('usage'),
    faktory?.call<Usage>('usage'),
  ]);
  return { mark, machine, bytes, relay: relayUsage, faktory: faktoryUsage };
}

function figureOf(
  { cell, roundTripMs }: MeasureOptions,
  from: Moment,
  to: Moment,
  bytesPerJobInAll: number,
): Figure {
  const jobs = to.mark.done - from.mark.done;
  const ms = to.mark.at - from.mark.at;
  const perJob = (amount: number): number => (jobs === 0 ? 0 : amount / jobs);
  return {
    ...cell,
    jobs,
    seconds: ms / 1000,
    jobsPerSecond: ms > 0 ? jobs / (ms / 1000) : 0,
    roundTripMs,
    handlerMs: perJob(to.mark.handlerMs - from.mark.handlerMs),
    cpuMicrosPerJob: perJob(to.mark.cpuMicros - from.mark.cpuMicros),
    bytesPerJob: ms < SHORT_MS ? bytesPerJobInAll : perJob(to.bytes - from.bytes),
    workerLoad: loadBetween(from.mark, to.mark),
    relayLoad: loadBetween(from.relay, to.relay),
    faktoryLoad: from.faktory && to.faktory ? loadBetween(from.faktory, to.faktory) : null,
    machineLoad: machineLoad(from.machine, to.machine),
  };
}

function tooLong({ latencyMs, concurrency }: Cell): MillraceError {
  return new MillraceError(
    'FAKTORY_UNREACHABLE',
    `the worker of ${concurrency} slots at ${latencyMs} ms did not come to its end: is Faktory still there?`,
  );
}
