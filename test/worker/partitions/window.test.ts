import { describe, expect, it } from 'vitest';
import {
  gapWindowOf,
  largestOf,
  mostWaitMs,
  paceAfter,
  windowOf,
} from '../../../src/worker/partitions/window.ts';

const base = { roundTripMs: 50, reserveMs: 1_800_000, concurrency: 1 };

describe('the window of a partition', () => {
  it.each([
    [undefined, 8],
    [0, 256],
    [0.1, 256],
    [1, 74],
    [10, 12],
    [100, 3],
    [10_000, 3],
    [300_000, 1],
  ])('is for handlers of %s ms, 50 ms away, %i', (handlerMs, window) => {
    expect(windowOf({ ...base, handlerMs })).toBe(window);
  });

  it('is small where the way is short, and holds nothing that could not run in a quarter of its reservation', () => {
    expect(windowOf({ ...base, handlerMs: 1, roundTripMs: 0 })).toBe(12);
    expect(windowOf({ ...base, handlerMs: 8_000, reserveMs: 60_000 })).toBe(1);
    expect(windowOf({ ...base, handlerMs: 1, concurrency: 2 })).toBeGreaterThan(
      windowOf({ ...base, handlerMs: 1 }),
    );
  });

  it('follows what handlers take of late', () => {
    expect(paceAfter(undefined, 10)).toBe(10);
    let pace = 10;
    for (let i = 0; i < 20; i += 1) pace = paceAfter(pace, 100);
    expect(pace).toBeGreaterThan(95);
  });
});

describe('while a number is missing', () => {
  it.each([
    [0, 5_000],
    [500, 5_000],
    [64 * 1_024, 512],
    [16 * 1_024 * 1_024, 16],
  ])('jobs of %i bytes are held, %i of them', (bytes, count) => {
    expect(gapWindowOf(bytes)).toBe(count);
  });

  it('the largest job of late counts', () => {
    expect(largestOf(100, 5_000)).toBe(5_000);
    expect(largestOf(5_000, 100)).toBe(4_995);
  });
});

describe('a job waits for its turn', () => {
  it.each([
    [undefined, 44_000],
    [1, 44_000],
    [10_000, 35_000],
    [25_000, 13_750],
    [60_000, 13_750],
  ])('of a lease of 55 s, with handlers of %s ms, for %i ms', (handlerMs, waitMs) => {
    expect(mostWaitMs(55_000, handlerMs)).toBe(waitMs);
  });
});
