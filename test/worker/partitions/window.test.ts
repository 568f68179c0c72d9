import { describe, expect, it } from 'vitest';
import { paceAfter, windowOf } from '../../../src/worker/partitions/window.ts';

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
