/** How far a partition is fetched ahead; pure. */

/** Allowed for Faktory's own work on a FETCH, beside the round trip. */
const SERVER_MS = 5;
const HEADROOM = 1.25;
const MOST = 256;
/** While a number is missing, so many may be held: the job that is missed may lie behind them. */
export const GAP_WINDOW = 5_000;
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
 * is on its way, and a few. Slow ones are hardly fetched ahead: what waits for a quarter of its reservation is handed back.
 */
export function windowOf({ handlerMs, roundTripMs, reserveMs, concurrency }: Pace): number {
  if (handlerMs === undefined) return concurrency + 7;
  if (handlerMs * 2 > reserveMs / 4) return concurrency;
  const onTheirWay = (concurrency * HEADROOM * (roundTripMs + SERVER_MS)) / Math.max(handlerMs, 0.05);
  const spare = concurrency + (handlerMs < SLOW_MS ? 4 : 1);
  return Math.min(MOST, Math.ceil(onTheirWay) + spare);
}

/** The mean of late, the newest counting for a fifth. */
export function paceAfter(before: number | undefined, ms: number): number {
  return before === undefined ? ms : before + (ms - before) / 5;
}
