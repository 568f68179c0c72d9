import { describe, expect, it } from 'vitest';
import { latencyOf } from '../../src/load/percentile.ts';
import { acceptedOf, mergedSlices, Tally } from '../../src/load/tally.ts';

describe('latencyOf', () => {
  it('takes the nearest rank, one of the values', () => {
    const values = Array.from({ length: 200 }, (_, i) => 200 - i);
    expect(latencyOf(values)).toEqual({ p50: 100, p90: 180, p99: 198, most: 200 });
    expect(latencyOf([7])).toEqual({ p50: 7, p90: 7, p99: 7, most: 7 });
    expect(latencyOf([])).toBeNull();
  });
});

describe('Tally', () => {
  it('counts by status and slice; latency is of what was accepted', () => {
    const tally = new Tally(1_000, 100);
    tally.note(202, 10, 1_050);
    tally.note(202, 30, 1_060);
    tally.note(503, 1, 1_250);
    expect(tally.result()).toEqual({
      answered: 3,
      byStatus: { 202: 2, 503: 1 },
      latency: { p50: 10, p90: 30, p99: 30, most: 30 },
      slices: [
        { second: 0, accepted: 2, refused: 0, p50: 10, p99: 30 },
        { second: 0.1, accepted: 0, refused: 0, p50: null, p99: null },
        { second: 0.2, accepted: 0, refused: 1, p50: null, p99: null },
      ],
      firstAt: 1_030,
      lastAt: 1_250,
    });
    expect(acceptedOf(tally.result())).toBe(2);
  });

  it('has nothing of nothing', () => {
    const nothing = new Tally(0, 100).result();
    expect(nothing).toMatchObject({ answered: 0, latency: null, slices: [], firstAt: null, lastAt: null });
  });
});

describe('mergedSlices', () => {
  it('adds up what was at the same time', () => {
    const slice = (second: number, accepted: number, refused: number, p50: number | null) => ({
      ...{ second, accepted, refused, p50 },
      p99: p50,
    });
    const merged = mergedSlices([
      [slice(0, 0, 0, null), slice(1, 5, 2, 9)],
      [slice(0, 1, 0, 3), slice(1, 1, 0, 4), slice(2, 0, 1, null)],
    ]);
    expect(merged).toEqual([slice(0, 1, 0, 3), slice(1, 6, 2, 9), slice(2, 0, 1, null)]);
    expect(mergedSlices([])).toEqual([]);
  });
});
