import { describe, expect, it } from 'vitest';
import { ackWorthwhile, leaseAge, leaseLives, leaseOf, leaseShare } from '../../src/worker/lease.ts';

const start = { steady: 1_000, wall: 1_700_000_000_000 };
const later = (ms: number) => ({ steady: start.steady + ms, wall: start.wall + ms });

describe('a lease', () => {
  it('begins when its FETCH was written, not when the job came', () => {
    const lease = leaseOf(60, 900, start);
    expect(leaseAge(lease, start)).toBe(100);
  });

  it('ends 5 s before reserve_for', () => {
    const lease = leaseOf(60, start.steady, start);
    expect(leaseLives(lease, later(54_999))).toBe(true);
    expect(leaseLives(lease, later(55_000))).toBe(false);
  });

  it('lets a finished job be acknowledged until 20 s after reserve_for', () => {
    const lease = leaseOf(60, start.steady, start);
    expect(ackWorthwhile(lease, later(79_999))).toBe(true);
    expect(ackWorthwhile(lease, later(80_000))).toBe(false);
  });

  it('takes the later of both clocks: a suspended machine stops only one of them', () => {
    const lease = leaseOf(60, start.steady, start);
    expect(leaseLives(lease, { steady: start.steady + 10, wall: start.wall + 56_000 })).toBe(false);
    expect(leaseLives(lease, { steady: start.steady + 56_000, wall: start.wall })).toBe(false);
  });

  it.each([
    [undefined, 1_800],
    [0, 1_800],
    [-5, 1_800],
    [1, 60],
    [60, 60],
    [600, 600],
    [86_400, 86_400],
    [100_000, 86_400],
  ])('reserve_for %s is %s s, as Faktory clamps it', (reserveFor, seconds) => {
    expect(leaseOf(reserveFor, 0, start).reserveMs).toBe(seconds * 1_000);
  });

  it('knows its share', () => {
    expect(leaseShare(leaseOf(100, start.steady, start), later(80_000))).toBeCloseTo(0.8);
  });
});
