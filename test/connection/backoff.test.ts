import { describe, expect, it } from 'vitest';
import { backoffMs, RECONNECT, REFUSED } from '../../src/connection/backoff.ts';

const waits = (bounds: { baseMs: number; capMs: number }, random: number): number[] =>
  [0, 1, 2, 3, 4].map((attempt) => backoffMs(attempt, bounds, random));

describe('backoffMs', () => {
  it('doubles up to its cap', () => {
    expect(waits(RECONNECT, 1)).toEqual([500, 900, 900, 900, 900]);
    expect(waits(REFUSED, 1)).toEqual([6_000, 12_000, 24_000, 30_000, 30_000]);
  });

  it('takes a point of the upper half, so that a fleet does not return in one instant', () => {
    expect(waits(RECONNECT, 0)).toEqual([250, 450, 450, 450, 450]);
    expect(waits(RECONNECT, 0.5)).toEqual([375, 675, 675, 675, 675]);
    const drawn = Array.from({ length: 200 }, () => backoffMs(0));
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(250);
    expect(Math.max(...drawn)).toBeLessThanOrEqual(500);
    expect(new Set(drawn).size).toBeGreaterThan(20);
  });

  it('stays at its cap for as long as it takes', () => {
    for (const attempt of [30, 31, 1_024, 1e9]) expect(backoffMs(attempt, RECONNECT, 1)).toBe(900);
  });
});
