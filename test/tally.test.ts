import { describe, expect, it } from 'vitest';
import { Histogram } from '../src/tally.ts';
import { seeded } from './protocol/seeded.ts';

describe('Histogram', () => {
  it('is empty at first', () => {
    const { bounds, counts, sum, count } = new Histogram([1, 2, 5]);
    expect({ bounds, counts, sum, count }).toEqual({
      bounds: [1, 2, 5],
      counts: [0, 0, 0, 0],
      sum: 0,
      count: 0,
    });
  });

  it('counts each value once, a bound within its own bucket, and what is beyond them all in the last', () => {
    const histogram = new Histogram([1, 2, 5]);
    for (const value of [0, 1, 1.5, 2, 2.1, 5, 5.1, 1_000]) histogram.observe(value);
    expect(histogram.counts).toEqual([2, 2, 2, 2]);
    expect(histogram.count).toBe(8);
    expect(histogram.sum).toBeCloseTo(1_016.7);
  });

  it('without bounds only counts and sums', () => {
    const histogram = new Histogram([]);
    histogram.observe(3);
    histogram.observe(4);
    expect([histogram.counts, histogram.sum, histogram.count]).toEqual([[2], 7, 2]);
  });

  it('agrees with a count by hand, whatever the values', () => {
    const random = seeded();
    const bounds = [10, 20, 50, 100];
    const histogram = new Histogram(bounds);
    const values = Array.from({ length: 1_000 }, () => random.int(0, 150));
    for (const value of values) histogram.observe(value);
    const byHand = [...bounds, Number.POSITIVE_INFINITY].map(
      (bound, at) => values.filter((value) => value <= bound && value > (bounds[at - 1] ?? -1)).length,
    );
    expect(histogram.counts, `seed ${random.seed}`).toEqual(byHand);
  });

  it.each([[[2, 1]], [[1, 1]], [[Number.NaN]]])('takes only bounds that rise: %j', (bounds) => {
    expect(() => new Histogram(bounds)).toThrow(RangeError);
  });
});
