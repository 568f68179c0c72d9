import { describe, expect, it } from 'vitest';
import { checkRate, RateTokens } from '../../../src/worker/limits/rate-tokens.ts';

describe('RateTokens', () => {
  it('gives each token back a whole interval after it was taken', () => {
    const tokens = new RateTokens({ limit: 2, everyMs: 1_000 });
    expect(tokens.free(0)).toBe(2);
    expect(tokens.nextAt(0)).toBe(Number.POSITIVE_INFINITY);
    tokens.take(0);
    tokens.take(400);
    expect(tokens.free(400)).toBe(0);
    expect(tokens.nextAt(400)).toBe(1_000);
    expect(tokens.free(999.9)).toBe(0);
    expect(tokens.free(1_000)).toBe(1);
    expect(tokens.nextAt(1_000)).toBe(1_400);
    expect(tokens.free(1_400)).toBe(2);
  });

  it('says how many may begin until a job that is fetched now is here, and when that will be more', () => {
    const tokens = new RateTokens({ limit: 2, everyMs: 1_000 });
    tokens.take(0);
    tokens.take(400);
    expect([tokens.freeWithin(700, 200), tokens.nextWithinAt(700, 200)]).toEqual([0, 800]);
    expect([tokens.freeWithin(800, 200), tokens.nextWithinAt(800, 200)]).toEqual([1, 1_200]);
    // It is not back yet.
    expect([tokens.free(800), tokens.nextAt(800)]).toEqual([0, 1_000]);
    expect([tokens.freeWithin(1_200, 200), tokens.free(1_200)]).toEqual([2, 1]);
    expect(tokens.nextWithinAt(1_200, 200)).toBe(Number.POSITIVE_INFINITY);
    tokens.take(1_200);
    expect([tokens.free(1_200), tokens.nextAt(1_200), tokens.free(1_400)]).toEqual([0, 1_400, 1]);
  });

  it('counts a token as often as it comes back meanwhile', () => {
    const tokens = new RateTokens({ limit: 2, everyMs: 20 });
    tokens.take(0);
    expect(tokens.freeWithin(5, 50)).toBe(2 * 2 + 1);
    expect(tokens.freeWithin(10, 50)).toBe(2 * 2 + 2);
  });

  it.each([
    [1, 10],
    [10, 1_000],
    [7, 333],
  ])('never lets over %i begin in any %i ms, and wastes none', (limit, everyMs) => {
    const tokens = new RateTokens({ limit, everyMs });
    const starts: number[] = [];
    for (let now = 0; now <= 20 * everyMs; now += everyMs / 97) {
      if (tokens.free(now) === 0) continue;
      tokens.take(now);
      starts.push(now);
    }
    const mostWithin = Math.max(
      ...starts.map((from) => starts.filter((at) => at >= from && at < from + everyMs).length),
    );
    expect(mostWithin).toBe(limit);
    expect(starts.length).toBeGreaterThanOrEqual(limit * 19);
  });
});

describe('checkRate', () => {
  it.each([
    [{ limit: 0, everyMs: 1 }, /rate.limit of "x" is 0, it takes a whole number from 1 to 100000/],
    [{ limit: 1.5, everyMs: 1 }, /rate.limit/],
    [{ limit: 100_001, everyMs: 1 }, /rate.limit/],
    [{ limit: 1, everyMs: 0 }, /rate.everyMs of "x" is 0, it takes ms from 1 to 86400000/],
    [{ limit: 1, everyMs: Number.NaN }, /rate.everyMs/],
    [{ limit: 1, everyMs: 86_400_001 }, /rate.everyMs/],
    [null as never, /rate.limit of "x" is undefined/],
  ])('refuses %o', (rate, text) => {
    expect(() => checkRate('"x"', rate)).toThrow(text);
  });

  it('takes what lies within', () => {
    expect(() => checkRate('"x"', { limit: 1, everyMs: 1 })).not.toThrow();
    expect(() => checkRate('"x"', { limit: 100_000, everyMs: 86_400_000 })).not.toThrow();
  });
});
