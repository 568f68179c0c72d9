import { describe, expect, it } from 'vitest';
import { clock, fullNumber, shortNumber } from '../../src/report/numbers.ts';
import { linearScale, logScale, scaleFor, timeScale, valuesScale } from '../../src/report/scale.ts';

describe('a linear scale', () => {
  it.each([
    [100, [0, 20, 40, 60, 80, 100]],
    [101, [0, 25, 50, 75, 100, 125]],
    [7, [0, 2, 4, 6, 8]],
    [0.3, [0, 0.1, 0.2, 0.3]],
    [0, [0, 0.2, 0.4, 0.6, 0.8, 1]],
  ])('to %d has ticks at %j', (most, ticks) => {
    const scale = linearScale(most);
    expect(scale.ticks).toEqual(ticks);
    expect([scale.part(0), scale.part(ticks.at(-1)!)]).toEqual([0, expect.closeTo(1)]);
  });
});

describe('a log scale', () => {
  it.each([
    [50, 500, [50, 100, 200, 500]],
    [3, 90, [2, 5, 10, 20, 50, 100]],
    [120, 90_000, [100, 1_000, 10_000, 100_000]],
    [0.02, 0.5, [0.02, 0.05, 0.1, 0.2, 0.5]],
    [10, 10, [5, 10, 20]],
  ])('from %d to %d has ticks at %j', (least, most, ticks) => {
    expect(logScale(least, most).ticks).toEqual(ticks);
  });

  it('gives equal ratios equal room', () => {
    const { part } = logScale(10, 1_000);
    expect([part(10), part(100), part(1_000)]).toEqual([0, 0.5, 1]);
    expect(logScale(10, 10).part(10)).toBeCloseTo(0.5);
  });
});

describe('a scale of chosen values', () => {
  it('has them as its ticks, by their ratios, and room at both ends', () => {
    const { ticks, part, label } = valuesScale([1_000, 10, 100, 10]);
    expect(ticks).toEqual([10, 100, 1_000]);
    expect([part(10), part(100), part(1_000)]).toEqual([0.04, expect.closeTo(0.5), expect.closeTo(0.96)]);
    expect(label(1_000)).toBe('1,000');
  });

  it('leaves out those that would be written over, and keeps the largest', () => {
    expect(valuesScale([1, 990, 1_000]).ticks).toEqual([1, 1_000]);
  });

  it('has a lone one in the middle', () => {
    expect([valuesScale([7]).ticks, valuesScale([7]).part(7)]).toEqual([[7], 0.5]);
  });
});

describe('a time scale', () => {
  it.each([
    [0.4, ['0 s', '0.1 s', '0.2 s', '0.3 s', '0.4 s']],
    [45, ['0 s', '10 s', '20 s', '30 s', '40 s']],
    [60, ['0 s', '10 s', '20 s', '30 s', '40 s', '50 s', '1:00']],
    [600, ['0 s', '2:00', '4:00', '6:00', '8:00', '10:00']],
    [7_200, ['0 s', '30:00', '1:00:00', '1:30:00', '2:00:00']],
  ])('to %d s has ticks at %j, and ends where the figures do', (most, labels) => {
    const { ticks, label, part } = timeScale(most);
    expect(ticks.map(label)).toEqual(labels);
    expect([part(0), part(most)]).toEqual([0, 1]);
  });

  it('has few ticks however long it is', () => {
    for (const days of [0.9, 3, 40, 400]) expect(timeScale(days * 86_400).ticks.length).toBeLessThan(9);
  });
});

describe('the kind of a scale', () => {
  it('follows from the values where it is not said', () => {
    expect(scaleFor([50, 100, 999]).kind).toBe('linear');
    expect(scaleFor([50, 1_000]).kind).toBe('log');
    expect(scaleFor([0, 1_000]).kind).toBe('linear');
    expect(scaleFor([Number.NaN, 1, 2]).kind).toBe('linear');
  });

  it('is what was said, where the values allow it', () => {
    expect(scaleFor([1, 1_000], 'linear').kind).toBe('linear');
    expect(scaleFor([0, 1, 2], 'log').kind).toBe('log');
    expect(scaleFor([5, 6], 'values').ticks).toEqual([5, 6]);
    for (const kind of ['log', 'values', 'time', 'linear', 'auto'] as const) {
      expect(scaleFor([0], kind).kind).toBe('linear');
    }
  });
});

it.each([
  [0, '0'],
  [0.25, '0.25'],
  [999, '999'],
  [999.7, '1k'],
  [1_500, '1.5k'],
  [50_000, '50k'],
  [999_900, '1M'],
  [1_250_000, '1.25M'],
  [2e9, '2G'],
])('%d is short for %j', (value, text) => {
  expect(shortNumber(value)).toBe(text);
});

it.each([
  [0, '0'],
  [0.21345, '0.213'],
  [41.26, '41.3'],
  [21_034.4, '21,034'],
])('%d is in full %j', (value, text) => {
  expect(fullNumber(value)).toBe(text);
});

it.each([
  [0, '0 s'],
  [2.5, '2.5 s'],
  [61, '1:01'],
  [3_599.9, '1:00:00'],
])('%d s is %j on a clock', (seconds, text) => {
  expect(clock(seconds)).toBe(text);
});
