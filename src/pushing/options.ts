/** What a Pusher takes. */
import type { MillraceError } from '../errors.ts';
import type { EncodedJob } from '../protocol/job.ts';

export interface PusherOptions {
  /** Jobs in one PUSHB at most (BATCH_MAX_SIZE, default 100). */
  maxSize: number;
  /** How long a job waits for others while every lane is busy, counted from the first (BATCH_MAX_DELAY_MS, 50). */
  maxDelayMs: number;
  /** false: each job travels alone (BATCH_AUTO_ENABLED). */
  gather: boolean;
  /** Jobs, and bytes, admitted and not settled (PUSH_MAX_IN_FLIGHT 10,000, PUSH_MAX_IN_FLIGHT_BYTES 256 MiB). */
  maxInFlight: number;
  maxInFlightBytes: number;
  /**
   * How long a job is tried while Faktory cannot be reached, before its caller is told (default 10,000): since it
   * was admitted, or since its first loss with a connection.
   */
  deliveryTimeoutMs: number;
  /** How often a job may lose the connection it is sent on while others get through (default 5; losses.ts). */
  maxLosses: number;
  /** Lanes are added up to this many as they fill (default 2). Only on one lane do pushes keep their order: say 1. */
  maxLanes: number;
  /** A PUSHB that is answered later than this is counted as slow, and told to `onSlow` (default: SLOW_MS, 1,000, and a line in the log). */
  slowMs: number;
  onSlow: ((ms: number, jobs: number) => void) | undefined;
}

export const PUSHER_DEFAULTS: PusherOptions = {
  maxSize: 100,
  maxDelayMs: 50,
  gather: true,
  maxInFlight: 10_000,
  maxInFlightBytes: 256 * 1024 * 1024,
  deliveryTimeoutMs: 10_000,
  maxLosses: 5,
  maxLanes: 2,
  slowMs: Number.POSITIVE_INFINITY,
  onSlow: undefined,
};

/** Who waits for a job: told by calls, where a promise for each would cost too much. They must not throw. */
export interface PushCaller {
  /** There was room for it. */
  onAdmitted?: (() => void) | undefined;
  /** Faktory has it. */
  onStored(jid: string): void;
  /** JOB_REJECTED, DELIVERY_UNKNOWN, FAKTORY_UNREACHABLE; where it is still checked or completed, what that found. */
  onFailed(error: MillraceError): void;
}

/** A job as the pusher takes it. */
export interface PushedJob extends EncodedJob {
  /** What it lacks until it is admitted; its `json` is not looked at before that is there. */
  readonly completion?: Completion;
}

/** Completes a job between its admission and its way to a lane: meanwhile it counts as on its way. */
export interface Completion {
  /** Comes to the JSON that travels, no longer than `bytes` said, or to why there is none: calls one of both, once, later. */
  complete(onReady: (json: string) => void, onFailed: (error: MillraceError) => void): void;
  /** It was completed, and certainly not stored in the end. */
  onVoid(): void;
}

export interface PushOptions {
  /** At most once: after an unknown outcome the job is not sent again, the caller gets DELIVERY_UNKNOWN. */
  atMostOnce?: boolean;
  /** It is not sent (again) after this moment (ms, monotonic): what it stands for is no longer the caller's. */
  notAfter?: number;
}
