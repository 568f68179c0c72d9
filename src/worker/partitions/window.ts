/** How far a partition is fetched ahead; pure. */

/** Allowed for Faktory's own work on a FETCH, beside the round trip. */
const SERVER_MS = 5;
const HEADROOM = 1.25;
const MOST = 256;
/** While a number is missing, so many may be held: the job that is missed may lie behind them. */
const MOST_IN_GAP = 5_000;
const LEAST_IN_GAP = 16;
/** Of the largest job of late, so that a partition holds no more than that. */
const MOST_BYTES = 32 * 1024 * 1024;
/** A job that has its turn finds as much of its lease left as so many handlers take. */
const HANDLERS_LEFT = 2;
const MOST_WAIT_SHARE = 0.8;
const LEAST_WAIT_SHARE = 0.25;
/** Handlers that take this long need little ahead of them. */
const SLOW_MS = 100;

export interface Pace {
  /** How long a handler of the partition takes; undefined: none has ended yet. */
  readonly handlerMs: number | undefined;
  readonly roundTripMs: number;
  /** The reservation of its jobs. */
  readonly reserveMs: number;
  /** Handlers that run at once. */
  readonly concurrency: number;
}

/**
 * Jobs of a partition that are held, run, or may come by FETCHes that are out: as many as its handlers end while a FETCH
 * is on its way, and a few. Slow ones are hardly fetched ahead.
 */
export function windowOf({ handlerMs, roundTripMs, reserveMs, concurrency }: Pace): number {
  if (handlerMs === undefined) return concurrency + 7;
  if (handlerMs * 2 > reserveMs / 4) return concurrency;
  const onTheirWay = (concurrency * HEADROOM * (roundTripMs + SERVER_MS)) / Math.max(handlerMs, 0.05);
  const spare = concurrency + (handlerMs < SLOW_MS ? 4 : 1);
  return Math.min(MOST, Math.ceil(onTheirWay) + spare);
}

/** The same while a number is missing. */
export function gapWindowOf(largestBytes: number): number {
  return Math.max(LEAST_IN_GAP, Math.min(MOST_IN_GAP, Math.floor(MOST_BYTES / Math.max(1, largestBytes))));
}

/**
 * For how long a job may wait for its turn, of a lease of `leaseMs`, before it is handed back. Its copy lies at the end of
 * the queue and all that is there has to be gone through to find it again, so it is kept for as long as what is left
 * is enough for its handler, by what handlers take of late.
 */
export function mostWaitMs(leaseMs: number, handlerMs: number | undefined): number {
  const wished = leaseMs - HANDLERS_LEFT * (handlerMs ?? 0);
  return Math.max(LEAST_WAIT_SHARE * leaseMs, Math.min(MOST_WAIT_SHARE * leaseMs, wished));
}

/** The mean of late, the newest counting for a fifth. */
export function paceAfter(before: number | undefined, ms: number): number {
  return before === undefined ? ms : before + (ms - before) / 5;
}

/** The largest of late. */
export function largestOf(before: number, bytes: number): number {
  return Math.max(bytes, before * 0.999);
}
