import { describe, expect, it } from 'vitest';
import { Away } from '../../src/partitions/away.ts';

describe('numbers that were put back', () => {
  it('are ahead until one comes that was put back after them', () => {
    const away = new Away();
    for (const number of [7, 5, 9]) away.add(number);
    expect([5, 7, 9, 6].map((each) => away.isAhead(each))).toEqual([true, true, true, false]);
    away.came(5);
    expect([5, 7, 9].map((each) => away.isAhead(each))).toEqual([false, false, true]);
    away.add(7);
    expect(away.isAhead(7)).toBe(true);
    away.came(9);
    expect(away.isAhead(7)).toBe(true);
  });

  it('that are waited for no longer say nothing of the others', () => {
    const away = new Away();
    for (const number of [3, 4, 5, 6]) away.add(number);
    away.delete(6);
    away.deleteBefore(4);
    expect([3, 4, 5, 6].map((each) => away.isAhead(each))).toEqual([false, true, true, false]);
    expect([away.firstFrom(4), away.firstFrom(5), away.last]).toEqual([4, 5, 5]);
    away.clear();
    expect([away.firstFrom(1), away.last]).toEqual([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]);
  });
});
