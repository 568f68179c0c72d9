import { describe, expect, it } from 'vitest';
import {
  addRange,
  before,
  countNumbers,
  hasNumber,
  joinLowest,
  parseRanges,
  type Ranges,
  rangesText,
  removeNumber,
  toRanges,
} from '../../src/partitions/ranges.ts';
import { below, seeded } from './seeded.ts';

describe('ranges', () => {
  it('are the same as a set of numbers, whatever is added and removed', () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const random = seeded(seed);
      const set = new Set<number>();
      let ranges: Ranges = [];
      for (let step = 0; step < 60; step += 1) {
        const first = below(random, 40);
        if (random() < 0.5) {
          const last = first + below(random, 5);
          ranges = addRange(ranges, [first, last]);
          for (let n = first; n <= last; n += 1) set.add(n);
        } else {
          ranges = removeNumber(ranges, first);
          set.delete(first);
        }
        const sorted = [...set].sort((a, b) => a - b);
        expect(ranges, `seed ${seed}`).toEqual(toRanges(sorted));
        expect(countNumbers(ranges)).toBe(set.size);
        for (let n = 0; n < 46; n += 1) expect(hasNumber(ranges, n)).toBe(set.has(n));
        expect(before(ranges, 20)).toEqual(toRanges(sorted.filter((n) => n < 20)));
      }
    }
  });

  it.each([
    ['', []],
    ['7', [[7, 7]]],
    [
      '5-9,12',
      [
        [5, 9],
        [12, 12],
      ],
    ],
  ])('are written as %j', (text, ranges) => {
    expect(rangesText(ranges as [number, number][])).toBe(text);
    expect(parseRanges(text)).toEqual(ranges);
  });

  it('ignore a range that ends before it begins', () => {
    expect(addRange([[1, 2]], [5, 4])).toEqual([[1, 2]]);
  });

  it('are joined from below when there are too many', () => {
    const ranges = parseRanges('1,3,5,7,9');
    expect(rangesText(joinLowest(ranges, 3))).toBe('1-5,7,9');
    expect(joinLowest(ranges, 5)).toEqual(ranges);
    expect(rangesText(joinLowest(ranges, 1))).toBe('1-9');
  });
});
