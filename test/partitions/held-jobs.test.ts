import { describe, expect, it } from 'vitest';
import { HeldJobs } from '../../src/partitions/held-jobs.ts';

describe('held jobs', () => {
  it('know the lowest number of an epoch, whatever came and went', () => {
    const held = new HeldJobs<string>();
    expect(held.lowest(1)).toBe(Number.POSITIVE_INFINITY);
    for (const number of [5, 3, 8]) held.put({ epoch: 1, number }, `${number}`);
    held.put({ epoch: 2, number: 1 }, 'next');
    expect([held.lowest(1), held.lowest(2), held.size]).toEqual([3, 1, 4]);
    expect(held.take({ epoch: 1, number: 3 })).toBe('3');
    expect(held.lowest(1)).toBe(5);
    held.put({ epoch: 1, number: 4 }, '4');
    expect(held.lowest(1)).toBe(4);
    held.take({ epoch: 1, number: 8 });
    held.take({ epoch: 1, number: 9 });
    expect(held.lowest(1)).toBe(4);
    expect(held.takeBefore(2).map(({ job }) => job)).toEqual(['5', '4']);
    expect([held.lowest(1), held.hasOf(1), held.reachesBeyond(1)]).toEqual([
      Number.POSITIVE_INFINITY,
      false,
      true,
    ]);
  });

  it('name the one that was held under a number before', () => {
    const held = new HeldJobs<string>();
    expect(held.put({ epoch: 1, number: 2 }, 'older')).toBeUndefined();
    expect(held.put({ epoch: 1, number: 2 }, 'newer')).toBe('older');
    expect([held.get({ epoch: 1, number: 2 }), held.has({ epoch: 2, number: 2 })]).toEqual(['newer', false]);
  });
});
