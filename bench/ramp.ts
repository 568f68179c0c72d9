/** How a worker came to its speed, from its samples. Pure. */

/** ms since the worker was started, and jobs done then. */
export type Sample = readonly [ms: number, done: number];

const WINDOW_MS = 500;
const FULL = 0.9;

/** Jobs a second over the first `ms` since the start, or over all where that was less. */
export function rateOfFirst(samples: readonly Sample[], ms: number): number {
  const end = Math.min(ms, samples.at(-1)?.[0] ?? 0);
  return end === 0 ? 0 : (doneAt(samples, end) / end) * 1000;
}

/** Jobs a second over the last `ms`. */
export function rateOfLast(samples: readonly Sample[], ms: number): number {
  const [endMs, done] = samples.at(-1) ?? [0, 0];
  return ((done - doneAt(samples, Math.max(0, endMs - ms))) / ms) * 1000;
}

/** The best whole second. */
export function bestSecond(samples: readonly Sample[]): number {
  const rates = samples.flatMap(([from]) => rateOver(samples, from, 1000));
  return Math.max(0, ...rates);
}

/**
 * Seconds from the start until half a second's rate was first nine tenths of what it then came to: of the best whole
 * second. NaN for a measurement of less than one.
 */
export function secondsToFullSpeed(samples: readonly Sample[]): number {
  const full = bestSecond(samples) * FULL;
  if (full === 0) return Number.NaN;
  const first = samples.find(([from]) => rateOver(samples, from, WINDOW_MS).some((rate) => rate >= full));
  return first === undefined ? Number.NaN : first[0] / 1000;
}

/** None where the measurement ended before. */
function rateOver(samples: readonly Sample[], fromMs: number, ms: number): number[] {
  if ((samples.at(-1)?.[0] ?? 0) < fromMs + ms) return [];
  return [((doneAt(samples, fromMs + ms) - doneAt(samples, fromMs)) / ms) * 1000];
}

/** Between two samples it is as if jobs were done evenly. */
function doneAt(samples: readonly Sample[], ms: number): number {
  const after = samples.findIndex(([at]) => at >= ms);
  if (after === -1) return samples.at(-1)?.[1] ?? 0;
  const [toMs, to] = samples[after]!;
  const [fromMs, from] = samples[Math.max(0, after - 1)]!;
  return toMs === fromMs ? to : from + ((to - from) * (ms - fromMs)) / (toMs - fromMs);
}
