import { describe, expect, it } from 'vitest';
import { bestSecond, rateOfFirst, rateOfLast, type Sample, secondsToFullSpeed } from '../../bench/ramp.ts';

/** A sample each tenth of a second; `rates` are jobs/s of a second each. */
function samplesOf(rates: readonly number[]): Sample[] {
  const samples: Sample[] = [[0, 0]];
  for (const rate of rates) {
    for (let tenth = 0; tenth < 10; tenth += 1) {
      const [ms, done] = samples.at(-1)!;
      samples.push([ms + 100, done + rate / 10]);
    }
  }
  return samples;
}

describe('how a worker came to its speed', () => {
  it('is at once, for one that is always as fast', () => {
    const samples = samplesOf([1_000, 1_000, 1_000]);
    expect(secondsToFullSpeed(samples)).toBe(0);
    expect(bestSecond(samples)).toBe(1_000);
    expect(rateOfFirst(samples, 2_000)).toBe(1_000);
  });

  it('is when half a second was nine tenths as fast as its best second', () => {
    const samples = samplesOf([0, 100, 500, 1_000, 950, 1_000]);
    // From 2.9 s on: a tenth at 500, four at 1,000.
    expect(secondsToFullSpeed(samples)).toBeCloseTo(2.9);
    expect(bestSecond(samples)).toBe(1_000);
    expect(rateOfFirst(samples, 2_000)).toBe(50);
    expect(rateOfLast(samples, 2_000)).toBe(975);
  });

  it('counts evenly between samples', () => {
    expect(
      rateOfFirst(
        [
          [0, 0],
          [1_500, 300],
          [2_500, 1_300],
        ],
        2_000,
      ),
    ).toBe(400);
  });

  it('takes the first seconds for what there was of them', () => {
    expect(rateOfFirst(samplesOf([500]), 2_000)).toBe(500);
    expect(rateOfFirst([[0, 0]], 2_000)).toBe(0);
  });

  it('is unknown for no job, and for less than a second', () => {
    expect(secondsToFullSpeed(samplesOf([0, 0, 0]))).toBeNaN();
    expect(secondsToFullSpeed(samplesOf([1_000]).slice(0, 8))).toBeNaN();
    expect(secondsToFullSpeed([])).toBeNaN();
  });
});
