/**
 * How many lanes an owner may have once Faktory has said that it has too many connections: half as many each time,
 * and one more for each quiet while, as TCP shares a link (additive increase, multiplicative decrease). Pure.
 */

/** The while after which one more lane is tried. Longer than the longest knock (backoff.ts). */
export const GROW_AFTER_MS = 45_000;

/** While there is a bound, lanes are opened one by one, so far apart that a refusal would have come. */
export const PROBE_MS = 1_000;

/** What is left of `allowed` after a refusal, at least 1; `wanted` bounds it where it was not bounded yet. */
export function halved(allowed: number, wanted: number): number {
  return Math.max(1, Math.floor(Math.min(allowed, wanted) / 2));
}

/** One more; without a bound (Infinity) once all that are wanted may be had. */
export function grown(allowed: number, wanted: number): number {
  return allowed + 1 >= wanted ? Number.POSITIVE_INFINITY : allowed + 1;
}
