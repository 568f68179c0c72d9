/** The reducer's side: what `registerReducer` takes, and the handler that is made of it. */
import { MillraceError } from '../../errors.ts';
import type { JobContext } from '../context.ts';
import type { ContextHandler } from '../executor.ts';
import { type ReducerResult, readResults } from './payload.ts';

/** What a timer's run gets. */
export interface ReducerTimerRun {
  /** Batches that `process` has ended well since the run before began, in this worker. */
  readonly batches: number;
  /** Whether it is the last: the worker stops. */
  readonly last: boolean;
  /** Aborts when the worker can wait no longer for its end. */
  readonly signal: AbortSignal;
}

/** Work that need not happen on every batch. */
export interface ReducerTimer {
  /** From the end of one run to the next, in ms (1 to 2³¹ − 1): it never overlaps itself. */
  everyMs: number;
  /** What it throws is logged, and the next run comes all the same. */
  run: (run: ReducerTimerRun) => unknown;
}

export interface Reducer<R = ReducerResult> {
  /** Gets batches; what it throws, or rejects with, fails the batch's job, which comes again. */
  process: (results: R[], ctx: JobContext) => unknown;
  timer?: ReducerTimer | undefined;
}

/** Throws TypeError, or CONFIG_INVALID for a time that cannot be. */
export function checkReducer<R>(jobtype: string, reducer: Reducer<R>): void {
  const { process, timer } = reducer ?? {};
  if (typeof process !== 'function')
    throw new TypeError(`process of the reducer "${jobtype}" must be a function`);
  if (timer === undefined) return;
  if (typeof timer.run !== 'function')
    throw new TypeError(`timer.run of the reducer "${jobtype}" must be a function`);
  const { everyMs } = timer;
  if (!(everyMs >= 1 && everyMs < 2 ** 31)) {
    const text = `timer.everyMs of the reducer "${jobtype}" is ${String(everyMs)}, it takes ms from 1 to 24 days`;
    throw new MillraceError('CONFIG_INVALID', text);
  }
}

/** The handler of a reducer's jobs. `onBatch` hears of each batch that ended well. */
export function reducerHandler<R>(reducer: Reducer<R>, onBatch: () => void): ContextHandler {
  return async (ctx, ...args) => {
    const value = await reducer.process(readResults(args) as R[], ctx);
    onBatch();
    return value;
  };
}
