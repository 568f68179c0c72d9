/**
 * A circuit breaker; pure, its time is given. It is *closed* while jobs fare well. Too many failures within the window
 * *open* it, and nothing is fetched; after a pause it is *half-open*, which lets one job through at a time: one that
 * succeeds closes it, one that fails opens it again, for twice as long. What began before it was half-open tells of the
 * trouble that opened it, and counts no more.
 */
import { MillraceError } from '../errors.ts';

export interface BreakerOptions {
  /** Failures within the window that open it (default 20). */
  failures?: number;
  /** And their share of all that ended in it, over 0 to 1 (default 0.5). */
  share?: number;
  /** ms (default 10,000). */
  windowMs?: number;
  /** How long nothing is fetched before a probe, in ms (default 30,000); up to eight times as long as probes fail. */
  pauseMs?: number;
}

export type BreakerState = 'closed' | 'open' | 'half-open';

const DEFAULTS = { failures: 20, share: 0.5, windowMs: 10_000, pauseMs: 30_000 } as const;
const LONGEST_PAUSE = 8;

/** Throws CONFIG_INVALID; `of` says whose breaker it is. */
export function checkBreaker(of: string, options: BreakerOptions): void {
  const { failures, share, windowMs, pauseMs } = { ...DEFAULTS, ...options };
  const wrong = (name: string, got: unknown, takes: string): MillraceError =>
    new MillraceError('CONFIG_INVALID', `breaker.${name} of ${of} is ${String(got)}, it takes ${takes}`);
  if (!Number.isSafeInteger(failures) || failures < 1)
    throw wrong('failures', failures, 'a whole number from 1');
  if (!(share > 0 && share <= 1)) throw wrong('share', share, 'a number over 0, up to 1');
  if (!(windowMs > 0)) throw wrong('windowMs', windowMs, 'a time over 0');
  if (!(pauseMs > 0)) throw wrong('pauseMs', pauseMs, 'a time over 0');
}

export class Breaker {
  readonly #options: Required<BreakerOptions>;
  #state: BreakerState = 'closed';
  #openUntil = 0;
  /** When it was last half-open: what began before does not count. */
  #countsFrom = Number.NEGATIVE_INFINITY;
  /** How often it has opened in a row. */
  #opened = 0;
  /** Ended jobs of this half of the window and of the one before: what is older is forgotten. */
  #halfStart = Number.NEGATIVE_INFINITY;
  #now = { failed: 0, all: 0 };
  #before = { failed: 0, all: 0 };

  constructor(options: BreakerOptions = {}) {
    this.#options = { ...DEFAULTS, ...options };
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** How long it stays open, in ms; 0 when it is not. */
  openForMs(now: number): number {
    return this.#state === 'open' ? Math.max(0, this.#openUntil - now) : 0;
  }

  /** A job that began at `startedAt` (ms, of the same clock) has ended. Returns whether that changed the state. */
  record(succeeded: boolean, now: number, startedAt: number = now): boolean {
    if (this.#state === 'open' || startedAt < this.#countsFrom) return false;
    if (this.#state === 'half-open') {
      if (succeeded) this.#close();
      else this.#open(now);
      return true;
    }
    this.#count(succeeded, now);
    const failed = this.#now.failed + this.#before.failed;
    const all = this.#now.all + this.#before.all;
    if (succeeded || failed < this.#options.failures || failed / all < this.#options.share) return false;
    this.#open(now);
    return true;
  }

  /** Time has passed. Returns whether that changed the state. */
  tick(now: number): boolean {
    if (this.#state !== 'open' || now < this.#openUntil) return false;
    this.#state = 'half-open';
    this.#countsFrom = now;
    return true;
  }

  #open(now: number): void {
    this.#state = 'open';
    this.#openUntil = now + this.#options.pauseMs * Math.min(LONGEST_PAUSE, 2 ** this.#opened);
    this.#opened += 1;
  }

  #close(): void {
    this.#state = 'closed';
    this.#opened = 0;
    this.#now = { failed: 0, all: 0 };
    this.#before = { failed: 0, all: 0 };
  }

  #count(succeeded: boolean, now: number): void {
    const halfMs = this.#options.windowMs / 2;
    const elapsed = now - this.#halfStart;
    if (elapsed >= halfMs) {
      this.#before = elapsed < 2 * halfMs ? this.#now : { failed: 0, all: 0 };
      this.#now = { failed: 0, all: 0 };
      this.#halfStart = now;
    }
    this.#now.all += 1;
    if (!succeeded) this.#now.failed += 1;
  }
}
