/**
 * The search for a missing job that lies behind more than may be held: those furthest from their turn are handed back, and
 * so lie behind it. *Once round* the queue is as fast as may be; what was not there rests before it is looked for again,
 * each time for longer, so that the whole costs a few copies a job however long a number is missing. Pure.
 */
import { comparePositions, type Position } from '../../partitions/stamp.ts';

/** A round that never ends for want of its first job is over after a reservation. */
interface Round {
  readonly first: Position;
  readonly since: number;
}

const LEAST_REST_MS = 10_000;
const MOST_REST_SHARE = 0.5;

export class LookBehind {
  #missing: Position | undefined;
  #round: Round | undefined;
  #restsUntil = Number.NEGATIVE_INFINITY;

  /** Whether jobs were handed back, and the first of them has not come again. */
  get isLooking(): boolean {
    return this.#round !== undefined;
  }

  /** Whether jobs may make room now; another number that is missing is looked for at once. */
  mayTurn(missing: Position, now: number): boolean {
    if (this.#missing === undefined || comparePositions(this.#missing, missing) !== 0) {
      this.#missing = missing;
      this.#round = undefined;
      this.#restsUntil = Number.NEGATIVE_INFINITY;
    }
    return now >= this.#restsUntil;
  }

  /** Jobs were handed back, `first` before the others. */
  onTurned(first: Position, now: number): void {
    this.#round ??= { first, since: now };
  }

  /** A job has come. Where it is the first that was handed back the queue has been seen once. */
  onCame(at: Position, { now, gapMs, reserveMs }: { now: number; gapMs: number; reserveMs: number }): void {
    if (this.#round === undefined) return;
    const { first, since } = this.#round;
    if (comparePositions(first, at) !== 0 && now - since < reserveMs) return;
    this.#round = undefined;
    this.#restsUntil = now + Math.max(LEAST_REST_MS, Math.min(gapMs, MOST_REST_SHARE * reserveMs));
  }
}

/** The `count` of these that are furthest from their turn, nearest first; those without a number run at once. */
export function furthest<J>(
  waiting: Iterable<readonly [J, Position | undefined]>,
  count: number,
): [J, Position][] {
  const numbered: [J, Position][] = [];
  for (const [job, at] of waiting) if (at !== undefined) numbered.push([job, at]);
  return count <= 0 ? [] : numbered.sort(([, a], [, b]) => comparePositions(a, b)).slice(-count);
}
