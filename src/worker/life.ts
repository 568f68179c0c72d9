/** The life of a worker, and what it tells of itself. */
import type { MillraceError } from '../errors.ts';
import type { JobPayload } from '../protocol/job.ts';
import type { JobCounts } from './job-flow.ts';

export type WorkerState = 'new' | 'starting' | 'running' | 'quiet' | 'stopping' | 'aborting' | 'stopped';

export const NEXT: Record<WorkerState, readonly WorkerState[]> = {
  new: ['starting', 'stopped'],
  starting: ['running', 'quiet', 'stopping'],
  running: ['quiet', 'stopping'],
  quiet: ['stopping'],
  stopping: ['aborting', 'stopped'],
  aborting: ['stopped'],
  stopped: [],
};

/** What `worker.stats()` tells: what is held just now, and counts since the start. */
export interface WorkerStats extends JobCounts {
  state: WorkerState;
  concurrency: number;
  /** Handlers that run. */
  running: number;
  /** Jobs that wait for a slot. */
  ready: number;
  /** FETCHes on their way, or waiting at Faktory. */
  outstanding: number;
  /** ACKs and FAILs that Faktory has not answered. */
  unreported: number;
  fetchLanes: number;
  ackLanes: number;
  /** The least of the last ten beats. */
  roundTripMs: number;
  /** FETCHes left behind by lost sockets. */
  stranded: number;
}

export interface WorkerEvents {
  /** A handler failed; the job is FAILed. */
  fail: [{ job: JobPayload; error: unknown }];
  /** Faktory was lost, or refuses something. The worker goes on trying. */
  error: [MillraceError];
  /** It fetches nothing more. */
  quiet: [];
  /** It has stopped, by `stop()`, a signal, or because Faktory said terminate. */
  stop: [];
}
