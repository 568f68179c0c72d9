/** How far a partition reaches into its queue: as far as its handlers need, and further while a number is missing. Pure. */
import type { Gap } from '../../partitions/sequence.ts';
import { comparePositions, type Position } from '../../partitions/stamp.ts';

/** A gap of so long is one that is worth looking behind. */
const GAP_AFTER_MS = 500;

export class Reach {
  /** When a job last had its turn (ms, monotonic). */
  #startedAt: number;
  /** Jobs that are held beyond missing numbers, and the last of these: they take no room from the jobs that are due first. */
  #beyond: { readonly count: number; readonly last: Position } | undefined;

  constructor(now: number) {
    this.#startedAt = now;
  }

  /** A job has its turn. */
  onStart(at: Position | undefined, now: number): void {
    this.#startedAt = now;
    if (this.#beyond !== undefined && at !== undefined && comparePositions(at, this.#beyond.last) > 0)
      this.#beyond = undefined;
  }

  /** So many jobs are held, and none of them may start. */
  onStuck(gap: Gap | undefined, held: number, now: number): void {
    if (this.#beyond !== undefined && !this.#isLong(now)) return;
    this.#beyond = gap && { count: held, last: { epoch: gap.epoch, number: gap.missing[1] } };
  }

  /** How many jobs may be held or on their way: `window` is what handlers need, `most` what may be held at all. */
  room({
    window,
    most,
    isStuck,
    now,
  }: {
    window: number;
    most: number;
    isStuck: boolean;
    now: number;
  }): number {
    // As a rule what is missing lies right behind: pushes of a moment may come in any order.
    if (isStuck && this.#isLong(now)) return most;
    return Math.min(most, window + (this.#beyond?.count ?? 0));
  }

  #isLong(now: number): boolean {
    return now - this.#startedAt >= GAP_AFTER_MS;
  }
}
