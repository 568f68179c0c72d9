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
  /** When those that are not back were taken, the oldest first. */
  readonly #taken = new Deque<number>();

  constructor(rate: Rate) {
    this.rate = rate;
  }

  /** How many there are. */
  free(now: number): number {
    this.#comeBack(now);
    return Math.max(0, this.rate.limit - this.#taken.size);
  }

  take(now: number): void {
    this.#taken.push(now);
  }

  /** When the next comes back, if one is out: Infinity if none is. */
  nextAt(now: number): number {
    this.#comeBack(now);
    const oldest = this.#taken.shift();
    if (oldest === undefined) return Number.POSITIVE_INFINITY;
    this.#taken.unshift(oldest);
    return oldest + this.rate.everyMs;
  }

  #comeBack(now: number): void {
    for (let taken = this.#taken.shift(); taken !== undefined; taken = this.#taken.shift()) {
      if (now - taken >= this.rate.everyMs) continue;
      this.#taken.unshift(taken);
      return;
    }
  }
}
