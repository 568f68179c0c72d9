import type { HeldJob } from '../held-job.ts';
import type { BatchRules } from './batch-options.ts';

/** A batch leaves early, before this share of a reservation has passed: at a quarter its job would be handed back. */
const LEAVE_SHARE = 0.2;
/** A job that has waited until this share of its reservation was gone is handed back. */
export const STALE_SHARE = 0.25;

/**
 * The jobs of one jobtype that wait for their batch, in the order in which they came; pure. A batch is *due* when it is
 * full, when its first job has waited for maxDelayMs, or when the reservation of one of its jobs says so.
 */
export class BatchRow {
  readonly #rules: Pick<BatchRules, 'maxSize' | 'maxDelayMs'>;
  #jobs: HeldJob[] = [];
  /** When the first of the reservations wants its job to leave (ms, monotonic). */
  #leaveBy = Number.POSITIVE_INFINITY;

  constructor(rules: Pick<BatchRules, 'maxSize' | 'maxDelayMs'>) {
    this.#rules = rules;
  }

  get size(): number {
    return this.#jobs.length;
  }

  add(held: HeldJob): void {
    this.#jobs.push(held);
    this.#leaveBy = Math.min(this.#leaveBy, leaveBy(held));
  }

  /** When the next batch leaves, be it full or not (ms, monotonic). */
  get dueAt(): number {
    const [first] = this.#jobs;
    if (first === undefined) return Number.POSITIVE_INFINITY;
    return Math.min(first.startedAt + this.#rules.maxDelayMs, this.#leaveBy);
  }

  /** How many batches are due. */
  due(now: number): number {
    const { maxSize } = this.#rules;
    const full = Math.floor(this.size / maxSize);
    return this.size > full * maxSize && now >= this.dueAt ? full + 1 : full;
  }

  /** Takes the jobs of one batch out. */
  shift(): HeldJob[] {
    const taken = this.#jobs.splice(0, this.#rules.maxSize);
    this.#look();
    return taken;
  }

  /** Takes out those that are chosen; `at`: how many stand before it. */
  take(isChosen: (held: HeldJob, at: number) => boolean): HeldJob[] {
    const taken = this.#jobs.filter(isChosen);
    if (taken.length === 0) return taken;
    const gone = new Set(taken);
    this.#jobs = this.#jobs.filter((held) => !gone.has(held));
    this.#look();
    return taken;
  }

  #look(): void {
    this.#leaveBy = this.#jobs.reduce(
      (least, held) => Math.min(least, leaveBy(held)),
      Number.POSITIVE_INFINITY,
    );
  }
}

function leaveBy({ lease }: HeldJob): number {
  return lease.startSteady + lease.reserveMs * LEAVE_SHARE;
}
