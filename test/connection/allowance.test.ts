import { describe, expect, it } from 'vitest';
import { GROW_AFTER_MS, grown, halved } from '../../src/connection/allowance.ts';
import { REFUSED } from '../../src/connection/backoff.ts';

const UNBOUNDED = Number.POSITIVE_INFINITY;

describe('the allowance of lanes', () => {
  it.each([
    [UNBOUNDED, 8, 4],
    [UNBOUNDED, 9, 4],
    [8, 8, 4],
    [4, 8, 2],
    [8, 3, 1],
    [2, 8, 1],
    [1, 8, 1],
    [UNBOUNDED, 1, 1],
    [UNBOUNDED, 0, 1],
  ])('is halved by a refusal, to one at least: %d of %d wanted', (allowed, wanted, left) => {
    expect(halved(allowed, wanted)).toBe(left);
  });

  it.each([
    [1, 8, 2],
    [6, 8, 7],
    [7, 8, UNBOUNDED],
    [4, 2, UNBOUNDED],
    [UNBOUNDED, 8, UNBOUNDED],
  ])('grows by one, and is no bound once all may be had: %d of %d wanted', (allowed, wanted, next) => {
    expect(grown(allowed, wanted)).toBe(next);
  });

  it('does not grow while the one lane that is left is refused', () => {
    expect(GROW_AFTER_MS).toBeGreaterThan(REFUSED.capMs);
  });
});
