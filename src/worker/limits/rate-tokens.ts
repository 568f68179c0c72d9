/**
 * A rate as a bucket of tokens; pure, its time is given. Each start takes one, and each comes back `everyMs` after it
 * was taken: so there are never more than `limit` starts in any interval of that length, wherever it begins. (A bucket
 * that refills evenly allows nearly twice as many: those of a full one and those that flow in meanwhile.)
 */
import { Deque } from '../../deque.ts';
import { MillraceError } from '../../errors.ts';

/** So many jobs begin in any interval of so many ms at most. */
export interface Rate {
  /** 1 to 100,000. */
  limit: number;
  /** 1 to 86,400,000: a day. */
  everyMs: number;
}

const MOST = 100_000;
const LONGEST_MS = 86_400_000;

/** Throws CONFIG_INVALID; `of` says whose rate it is. */
export function checkRate(of: string, rate: Rate): void {
  const { limit, everyMs } = rate ?? {};
  const wrong = (name: string, got: unknown, takes: string): MillraceError =>
    new MillraceError('CONFIG_INVALID', `rate.${name} of ${of} is ${String(got)}, it takes ${takes}`);
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > MOST)
    throw wrong('limit', limit, `a whole number from 1 to ${MOST}`);
  if (!(everyMs >= 1 && everyMs <= LONGEST_MS)) throw wrong('everyMs', everyMs, `ms from 1 to ${LONGEST_MS}`);
}

export class RateTokens {
  readonly rate: Rate;
  /** When those that are out were taken, the oldest first: those that come back soon, then all others. */
  readonly #soon = new Deque<number>();
  readonly #later = new Deque<number>();

  constructor(rate: Rate) {
    this.rate = rate;
  }

  /** How many there are. */
  free(now: number): number {
    this.#note(now, 0);
    return Math.max(0, this.rate.limit - this.#soon.size - this.#later.size);
  }

  take(now: number): void {
    this.#later.push(now);
  }

  /** How many jobs may begin from now until so many ms later. */
  freeWithin(now: number, ms: number): number {
    const { limit, everyMs } = this.rate;
    this.#note(now, ms % everyMs);
    return Math.max(0, limit - this.#later.size) + limit * Math.floor(ms / everyMs);
  }

  /** When the next comes back, if one is out: Infinity if none is. */
  nextAt(now: number): number {
    this.#note(now, 0);
    return (this.#soon.peek() ?? this.#later.peek() ?? Number.POSITIVE_INFINITY) + this.rate.everyMs;
  }

  /** When `freeWithin` is more than now, unless some are taken. */
  nextWithinAt(now: number, ms: number): number {
    const aheadMs = ms % this.rate.everyMs;
    this.#note(now, aheadMs);
    return (this.#later.peek() ?? Number.POSITIVE_INFINITY) + this.rate.everyMs - aheadMs;
  }

  /** Those that have come back by now are forgotten; those that will within so many ms come back soon. */
  #note(now: number, aheadMs: number): void {
    const { everyMs } = this.rate;
    for (let taken = this.#later.peek(); taken !== undefined; taken = this.#later.peek()) {
      if (now + aheadMs - taken < everyMs) break;
      this.#soon.push(this.#later.shift()!);
    }
    for (let taken = this.#soon.peek(); taken !== undefined; taken = this.#soon.peek()) {
      if (now - taken < everyMs) break;
      this.#soon.shift();
    }
  }
}
