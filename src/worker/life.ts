/** The life of a worker, and what it tells of itself. */
import type { LaneCounts } from '../connection/lanes.ts';
import type { MillraceError } from '../errors.ts';
import type { JobPayload } from '../protocol/job.ts';
import type { BreakerReport } from './breakers.ts';
import type { JobOutcome } from './job-tally.ts';
import type { LimitReport } from './limits/limits.ts';
import type { PartitionStats } from './partitions/partitions.ts';

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
export interface WorkerStats {
  state: WorkerState;
  concurrency: number;
  /** Handlers that run. */
  running: number;
  /** Slots that are free. */
  free: number;
  /** Jobs that wait for a slot, or for the limit of their jobtype. */
  ready: number;
  /** Jobs that wait for their batch. */
  gathered: number;
  /** Handlers that run on though they lost their slot ten seconds ago (zombieAfterMs). */
  zombies: number;
  /** FETCHes on their way, or waiting at Faktory. */
  outstanding: number;
  /** ACKs and FAILs that Faktory has not answered, and how long the oldest of them waits. */
  unreported: number;
  oldestReportMs: number;
  fetchLanes: number;
  ackLanes: number;
  /** Sockets of each purpose: up, coming up, wanted; lost and made since the start. */
  lanes: Record<LanePurpose, LaneCounts>;
  /** Sockets to Faktory that this process has, and may have. */
  connections: number;
  maxConnections: number;
  /** The least round trip of the beats of the last five seconds. */
  roundTripMs: number;

  /** Jobs whose handler ended well. */
  done: number;
  /** Jobs whose handler threw; of these `delayed` by a retry policy, `dead`, or `discarded` (retry 0). */
  failed: number;
  delayed: number;
  dead: number;
  discarded: number;
  handedBack: number;
  /** Jobs whose reservation ran out before their report. */
  late: number;
  /** Wake tokens that came back. */
  tokens: number;
  /** FETCHes left behind by lost sockets. */
  stranded: number;
  /** Reports sent again. */
  resent: number;
  /** Copies pushed for jobs whose FAIL Faktory has lost. */
  mended: number;
  /** Such jobs that no copy stands for yet. */
  unmended: number;
  /** What took longer than slowMs, and standstills of the event loop. */
  slowHandlers: number;
  slowCommands: number;
  eventLoopBlocks: number;
  breakers: BreakerReport[];
  /** Per jobtype that has one. */
  limits: LimitReport[];
  /** Undefined: no queue is split. */
  partitions: PartitionStats | undefined;
  /** Results that wait for others or are being pushed; those stored, and the reducer jobs that they travelled in. */
  resultsWaiting: number;
  resultsSent: number;
  reducerJobs: number;
}

export type LanePurpose = 'control' | 'fetch' | 'ack';

/** Beside the stats, what SIGUSR2 writes: where a worker that seems stuck has its jobs. */
export interface WorkerSnapshot extends WorkerStats {
  wid: string;
  pid: number;
  /** By jobtype. */
  jobs: Record<string, Record<JobOutcome, number>>;
  /** The jobs that have run for longest, twenty at most. */
  longestRunning: { jid: string; jobtype: string; queue: string; runningMs: number }[];
}

export interface WorkerEvents {
  /** A handler failed; the job is FAILed. */
  fail: [{ job: JobPayload; error: unknown }];
  /** A job that failed went to Dead: its retries are used up, or no retry can mend it. */
  dead: [{ job: JobPayload; error: unknown }];
  /** Faktory was lost, or refuses something. The worker goes on trying. */
  error: [MillraceError];
  /** It fetches nothing more. */
  quiet: [];
  /** It has stopped, by `stop()`, a signal, or because Faktory said terminate. */
  stop: [];
}
