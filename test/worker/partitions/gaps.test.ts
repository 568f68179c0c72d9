import { describe, expect, it } from 'vitest';
import { LongestAway } from '../../../src/worker/partitions/gaps.ts';

describe('how long a missing job may be away', () => {
  it('is a reservation and what Faktory takes to give it out again; the default one where none has come', () => {
    const away = new LongestAway();
    expect(away.ms).toBe(1_875_000);
    away.add(60_000, 0);
    expect([away.reserveMs, away.ms]).toEqual([60_000, 135_000]);
  });

  it('is that of the longest reservation of late, not of the one that came last', () => {
    const away = new LongestAway();
    away.add(300_000, 0);
    away.add(60_000, 1);
    away.add(60_000, 374_999);
    expect(away.ms).toBe(375_000);
    away.add(60_000, 375_000);
    expect(away.ms).toBe(135_000);
    away.add(90_000, 375_001);
    expect(away.ms).toBe(165_000);
  });
});
