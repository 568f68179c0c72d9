import { describe, expect, it } from 'vitest';
import { Reach } from '../../../src/worker/partitions/reach.ts';

const gap = (first: number, last: number) => ({
  epoch: 1,
  missing: [first, last] as const,
  sinceMs: 0,
  leftMs: 1,
});
const base = { window: 10, most: 100, isStuck: false };

describe('the reach of a partition', () => {
  it('is what its handlers need, and all that may be held half a second after it stands still', () => {
    const reach = new Reach(0);
    expect(reach.room({ ...base, now: 1_000 })).toBe(10);
    expect(reach.room({ ...base, now: 1_000, isStuck: true })).toBe(100);
    reach.onStart({ epoch: 1, number: 1 }, 1_000);
    expect(reach.room({ ...base, now: 1_100, isStuck: true })).toBe(10);
    expect(reach.room({ ...base, now: 1_500, isStuck: true })).toBe(100);
  });

  it('leaves room for those that are due first, however many are held beyond them', () => {
    const reach = new Reach(0);
    reach.onStuck(gap(1, 50), 60, 1_000);
    reach.onStart({ epoch: 1, number: 1 }, 1_000);
    expect(reach.room({ ...base, now: 1_001 })).toBe(70);
    reach.onStart({ epoch: 1, number: 50 }, 1_001);
    expect(reach.room({ ...base, now: 1_001 })).toBe(70);
    reach.onStart({ epoch: 1, number: 51 }, 1_002);
    expect(reach.room({ ...base, now: 1_002 })).toBe(10);
  });

  it('does not grow with each that comes while it stands still for a moment', () => {
    const reach = new Reach(0);
    reach.onStuck(gap(1, 1), 3, 10);
    reach.onStuck(gap(1, 1), 13, 20);
    expect(reach.room({ ...base, now: 30, isStuck: true })).toBe(13);
    reach.onStuck(gap(1, 1), 95, 600);
    reach.onStart({ epoch: 1, number: 1 }, 700);
    expect(reach.room({ ...base, now: 700 })).toBe(100);
  });
});
