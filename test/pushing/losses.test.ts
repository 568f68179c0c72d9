import { describe, expect, it } from 'vitest';
import { isHopeless, travelAfter, travelsAlone } from '../../src/pushing/losses.ts';
import { PUSHER_DEFAULTS } from '../../src/pushing/options.ts';

describe('after losses', () => {
  it('a job travels with others, then alone, then behind all others', () => {
    const { maxLosses } = PUSHER_DEFAULTS;
    expect([0, 1, 2, 3, 4].map((losses) => travelAfter(losses, maxLosses))).toEqual([
      'with others',
      'with others',
      'alone',
      'behind',
      'behind',
    ]);
    expect([0, 1, 2, 3, 4].map(travelsAlone)).toEqual([false, false, true, true, true]);
  });

  it('it keeps its place for ever where losses are not bounded', () => {
    expect(travelAfter(1_000, Number.POSITIVE_INFINITY)).toBe('alone');
  });

  it('it is given up when it has lost so many, and only if others got through meanwhile', () => {
    expect(isHopeless(4, 5, true)).toBe(false);
    expect(isHopeless(5, 5, false)).toBe(false);
    expect(isHopeless(5, 5, true)).toBe(true);
    expect(isHopeless(6, 5, true)).toBe(true);
    expect(isHopeless(1e9, Number.POSITIVE_INFINITY, true)).toBe(false);
  });
});
