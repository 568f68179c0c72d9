import { describe, expect, it } from 'vitest';
import { paceMs, RecentLeast } from '../../src/pushing/pacing.ts';

describe('paceMs', () => {
  it('spreads what may be unanswered over a round trip', () => {
    expect(paceMs(50, 16, 50)).toBe(3.125);
    expect(paceMs(200, 16, 50)).toBe(12.5);
  });

  it('is never longer than a job may wait for others', () => {
    expect(paceMs(2_000, 16, 50)).toBe(50);
    expect(paceMs(50, 16, 0)).toBe(0);
  });

  it('is nothing next door, and before a round trip is known', () => {
    expect(paceMs(0.3, 16, 50)).toBe(0);
    expect(paceMs(15, 16, 50)).toBe(0);
    expect(paceMs(0, 16, 50)).toBe(0);
  });
});

describe('RecentLeast', () => {
  it('is the least of the last seconds', () => {
    const least = new RecentLeast();
    expect(least.value).toBe(0);
    least.note(50, 10_000);
    least.note(80, 11_000);
    expect(least.value).toBe(50);
    least.note(70, 15_500);
    expect(least.value).toBe(50);
    least.note(70, 20_600);
    expect(least.value).toBe(70);
  });

  it('forgets what was before a long silence', () => {
    const least = new RecentLeast();
    least.note(1, 0);
    least.note(90, 60_000);
    expect(least.value).toBe(90);
  });
});
