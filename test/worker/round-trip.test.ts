import { describe, expect, it } from 'vitest';
import { likelyMs, type RoundTrip, withRoundTrip } from '../../src/worker/round-trip.ts';

const least = (trips: readonly RoundTrip[]): number => Math.min(...trips.map(({ ms }) => ms));

function seen(...ms: number[]): readonly RoundTrip[] {
  return ms.reduce<readonly RoundTrip[]>(
    (trips, each, second) => withRoundTrip(trips, { at: second * 1_000, ms: each }),
    [],
  );
}

describe('the round trip', () => {
  it('is the least of the last five seconds: the rest is waiting', () => {
    expect(least(seen(50, 80, 51, 70))).toBe(50);
    expect(least(seen(50, 80, 81, 80, 79, 80, 85))).toBe(79);
  });

  it('is not changed by one that took long', () => {
    expect(least(seen(1, 1, 200, 1))).toBe(1);
    expect(least(seen(1, 1, 200))).toBe(1);
  });

  it('is another once two in a row are far longer', () => {
    expect(least(seen(1, 1, 200, 201))).toBe(200);
    expect(least(seen(1, 1, 200, 201, 202))).toBe(200);
  });

  it('is the shorter one at once', () => {
    expect(least(seen(200, 200, 1))).toBe(1);
  });

  it('next door is not another for a few milliseconds', () => {
    expect(least(seen(0.2, 4, 4.5, 4))).toBe(0.2);
  });
});

describe('what a beat tells while the process is busy', () => {
  const known = seen(50, 60);

  it('is what it took, when the process was idle', () => {
    expect(likelyMs(known, 70, 0)).toBe(70);
    expect(likelyMs(known, 40, 0)).toBe(40);
  });

  it('is what was known before, as far as its busy time may explain the rest', () => {
    expect(likelyMs(known, 900, 890)).toBe(50);
    expect(likelyMs(known, 900, 700)).toBe(200);
    expect(likelyMs(known, 45, 45)).toBe(45);
  });

  it('is what it took, when nothing was known', () => {
    expect(likelyMs([], 900, 890)).toBe(900);
  });
});
