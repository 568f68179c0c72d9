import { expect, it } from 'vitest';
import { leaseLeftMs, renewAfterMs, safetyMarginMs } from '../../src/partitions/lease-deadline.ts';

it.each([
  [30_000, 3_000],
  [10_000, 1_000],
  [5_000, 1_000],
  [1_000, 250],
])('of a lease of %i ms, %i are not relied on', (ttlMs, margin) => {
  expect(safetyMarginMs(ttlMs)).toBe(margin);
});

it('counts on the clock that has gone further', () => {
  const asked = { steady: 1_000, wall: 500_000 };
  expect(leaseLeftMs(asked, 10_000, { steady: 4_000, wall: 501_000 })).toBe(6_000);
  // A machine that was suspended.
  expect(leaseLeftMs(asked, 10_000, { steady: 2_000, wall: 560_000 })).toBe(-51_000);
  // A wall clock that was set back.
  expect(leaseLeftMs(asked, 10_000, { steady: 9_500, wall: 400_000 })).toBe(500);
});

it('renews at a third, and soon again after a failure', () => {
  expect([renewAfterMs(30_000, false), renewAfterMs(30_000, true), renewAfterMs(1_000, true)]).toEqual([
    10_000, 500, 100,
  ]);
});
