import { randomInt } from 'node:crypto';

/** A random generator that can be repeated: `MILLRACE_SEED=… npx vitest …` runs the case that failed again. */
export interface Seeded {
  /** Goes into the message of every assertion. */
  readonly seed: number;
  /** From 0 up to, not including, 1. */
  next(): number;
  /** A whole number from `min` to `max`, both included. */
  int(min: number, max: number): number;
  pick<T>(choices: readonly T[]): T;
}

export function seeded(seed = Number(process.env.MILLRACE_SEED ?? randomInt(2 ** 31))): Seeded {
  let state = seed;
  // mulberry32
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  return { seed, next, int, pick: (choices) => choices[int(0, choices.length - 1)]! };
}
