import { HeldBatch } from './batches/held-batch.ts';
import type { Breakers } from './breakers.ts';
import type { GivingBack } from './giving-back.ts';
import { canHandBack, isFirst } from './hand-back.ts';
import type { HeldJob } from './held-job.ts';
import { type Moment, nowOnBothClocks } from './lease.ts';
import type { Slots } from './slots.ts';

export interface WaitingJobsOptions {
  slots: Slots;
  givingBack: GivingBack;
  breakers: Breakers;
  /** Aborts when the worker stops. */
  stopping: AbortSignal;
  roundTripMs: () => number;
  /** Jobs are handed back since they waited too long for a slot. */
  onStale: () => void;
}

/** A job that waits for a slot for so long while none is freed is handed back: others may have one. */
const LONG_WAIT_MS = 2_000;
const LONG_WAIT_TRIPS = 20;
export const BREAKER_OPEN = 'the breaker of its queue is open';
const LIMITED = 'it waited too long for the limit of its jobtype';

/** Which of the jobs that wait for a slot, or for the limit of their jobtype, had better be handed back. */
export class WaitingJobs {
  readonly #options: WaitingJobsOptions;

  constructor(options: WaitingJobsOptions) {
    this.#options = options;
  }

  /** How long a job waits at most while nothing moves, in ms. What is gathered for batches keeps to it, too. */
  get longMs(): number {
    return Math.max(LONG_WAIT_MS, LONG_WAIT_TRIPS * this.#options.roundTripMs());
  }

  /** Called once a second. */
  sweep(now: Moment): void {
    const { slots, stopping, onStale } = this.#options;
    // Once: a copy that comes back to us has nowhere better to be.
    const { longMs } = this;
    const waitsLong = (held: HeldJob): boolean =>
      now.steady - held.startedAt > longMs && !(held instanceof HeldBatch) && isFirst(held.job);
    this.giveBackLimited(stopping.aborted ? () => true : waitsLong);
    const isStuck = now.steady - slots.movedAt > longMs;
    const stale = slots.takeStale(now, (held) => isStuck && waitsLong(held));
    if (stale.length > 0) onStale();
    this.give(stale, 'it waited too long for a slot');
  }

  /** Those that wait for their jobtype's limit and are chosen, or have waited for very long. */
  giveBackLimited(isChosen: (held: HeldJob) => boolean): void {
    this.give(this.#options.slots.takeLimited(nowOnBothClocks(), isChosen), LIMITED);
  }

  /** A breaker has opened: what waits and came from its queue is handed back, no retry is burnt. */
  shed(): void {
    const held = this.#options.slots.takeStale(nowOnBothClocks(), (each) => this.isHeldBack(each));
    this.give(held, BREAKER_OPEN);
  }

  /** One that there can be no copy of is run: a FAIL in its place would burn the same retry. */
  isHeldBack({ job }: HeldJob): boolean {
    return this.#options.breakers.isOpen(job.queue) && canHandBack(job);
  }

  /** A batch is given back job by job; one that waits for its slot has none yet. */
  give(taken: readonly HeldJob[], reason?: string): void {
    for (const held of taken) {
      const jobs = held instanceof HeldBatch ? held.open : [held];
      for (const job of jobs) void this.#options.givingBack.give(job, reason);
    }
  }
}
