import { describe, expect, it } from 'vitest';
import { linearScale, logScale, scaleFor, shortNumber } from '../../src/report/scale.ts';

describe('a linear scale', () => {
  it.each([
    [100, [0, 20, 40, 60, 80, 100]],
    [101, [0, 50, 100, 150]],
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
    [10, 10, [10]],
  ])('from %d to %d has ticks at %j', (least, most, ticks) => {
    expect(logScale(least, most).ticks).toEqual(ticks);
  });

  it('gives equal ratios equal room', () => {
    const { part } = logScale(10, 1_000);
    expect([part(10), part(100), part(1_000)]).toEqual([0, 0.5, 1]);
    expect(logScale(10, 10).part(10)).toBe(0);
  });
});

it('the kind follows from the values', () => {
  expect(scaleFor([50, 100, 999]).kind).toBe('linear');
  expect(scaleFor([50, 1_000]).kind).toBe('log');
  expect(scaleFor([0, 1_000]).kind).toBe('linear');
  expect(scaleFor([Number.NaN, 1, 2]).kind).toBe('linear');
});

it.each([
  [0, '0'],
  [0.25, '0.25'],
  [999, '999'],
  [1_500, '1.5k'],
  [50_000, '50k'],
  [1_250_000, '1.25M'],
])('%d is short for %j', (value, text) => {
  expect(shortNumber(value)).toBe(text);
});
