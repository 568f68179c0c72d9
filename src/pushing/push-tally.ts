import { Histogram } from '../tally.ts';
import type { PusherOptions } from './options.ts';

/** What was pushed since the start, for metrics. */
export interface PushTotals {
  /** Jobs that Faktory has. */
  readonly stored: number;
  /** Jobs that Faktory refused (JOB_REJECTED). */
  readonly refused: number;
  /** Jobs that may be stored or not (DELIVERY_UNKNOWN). */
  readonly unknown: number;
  /** Jobs that were given up before they were sent (FAKTORY_UNREACHABLE, REDIS_UNAVAILABLE and the like). */
  readonly unsent: number;
  /** How often a job was sent again, its outcome being unknown. */
  readonly resent: number;
  /** Of each PUSHB that was answered: its jobs, and the seconds until its reply. */
  readonly pushbJobs: Histogram;
  readonly pushbSeconds: Histogram;
  /** PUSHBs that were answered later than `slowMs`; 0: none is slow. */
  readonly slow: number;
}

/** A pusher in numbers. */
export interface PusherStats extends PushTotals {
  /** Jobs, and their bytes, admitted and not settled; new ones wait from `maxInFlight` on. */
  readonly inFlight: number;
  readonly inFlightBytes: number;
  readonly maxInFlight: number;
  readonly maxInFlightBytes: number;
  /** Jobs that wait for room. */
  readonly asking: number;
  /** Jobs admitted that wait for a lane. */
  readonly waiting: number;
}

const JOBS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Counts what a Pusher does. */
export class PushTally implements PushTotals {
  stored = 0;
  refused = 0;
  unknown = 0;
  unsent = 0;
  resent = 0;
  slow = 0;
  readonly pushbJobs = new Histogram(JOBS);
  readonly pushbSeconds = new Histogram(SECONDS);
  readonly #slowMs: number;
  readonly #onSlow: PusherOptions['onSlow'];

  constructor({ slowMs, onSlow }: Pick<PusherOptions, 'slowMs' | 'onSlow'>) {
    // As SLOW_MS has it (slow-log.ts).
    this.#slowMs = slowMs === 0 ? Number.POSITIVE_INFINITY : slowMs;
    this.#onSlow = onSlow;
  }

  /** A PUSHB of so many jobs was answered after so long. */
  answered(jobs: number, ms: number): void {
    this.pushbJobs.observe(jobs);
    this.pushbSeconds.observe(ms / 1_000);
    if (ms <= this.#slowMs) return;
    this.slow += 1;
    this.#onSlow?.(ms, jobs);
  }

  totals(): PushTotals {
    const { stored, refused, unknown, unsent, resent, pushbJobs, pushbSeconds, slow } = this;
    return { stored, refused, unknown, unsent, resent, pushbJobs, pushbSeconds, slow };
  }
}
