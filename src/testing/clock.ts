import type { EmbeddedFaktory } from '../embedded/index.ts';
import type { MovableClock } from './movable-clock.ts';

export interface AdvanceOptions {
  /** Whether workers count as having beaten all the while (default true, but not while Faktory is frozen). */
  beats?: boolean;
}

/**
 * Faktory's own time. It flows as everybody's does, and can be moved on. Programs under test keep the machine's: after
 * a jump, `now()` and not `Date.now()` is what an `at` must be calculated from.
 */
export class FaktoryClock {
  readonly #clock: MovableClock;
  readonly #faktory: EmbeddedFaktory;

  constructor(clock: MovableClock, faktory: EmbeddedFaktory) {
    this.#clock = clock;
    this.#faktory = faktory;
  }

  /** Milliseconds since 1970, as Faktory sees it. */
  now(): number {
    return this.#clock.now();
  }

  /**
   * Moves Faktory's time on by `ms`, at once: when this returns, what was due in Scheduled and Retries is in its queue,
   * and reservations that ended have failed. Jobs are taken by workers afterwards: await
   * `drain()`. Await it before, too, or a job that runs just then is taken for one that was held too long.
   *
   * A worker cannot beat during a jump, so one that is connected counts as having beaten. With `beats: false`, and while
   * Faktory is frozen, it does not: a worker that was silent for 60 s is given up, and its connections are closed.
   */
  advance(ms: number, { beats = !this.#faktory.faults.frozen }: AdvanceOptions = {}): void {
    if (!(ms >= 0 && Number.isFinite(ms)))
      throw new RangeError(`the clock moves on by milliseconds, not by ${ms}`);
    if (beats) this.#faktory.carry(ms);
    this.#clock.advance(ms);
  }
}
