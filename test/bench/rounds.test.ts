import { describe, expect, it } from 'vitest';
import { median, summariesOf } from '../../src/bench/rounds.ts';
import { figure } from './figures.ts';

it.each([
  [[5], 5],
  [[9, 1, 5], 5],
  [[9, 1, 5, 7], 6],
])('the median of %j is %d', (numbers, middle) => {
  expect(median(numbers)).toBe(middle);
});

describe('the rounds of a cell', () => {
  it('are one, its numbers the median each of its own, with least and most', () => {
    const rounds = [
      figure({ jobsPerSecond: 900, cpuMicrosPerJob: 30, workerLoad: 0.9 }),
      figure({ jobsPerSecond: 1_200, cpuMicrosPerJob: 20, workerLoad: 0.7 }),
      figure({ jobsPerSecond: 1_000, cpuMicrosPerJob: 10, workerLoad: 0.8 }),
    ];
    expect(summariesOf(rounds)).toEqual([
      {
        ...figure({ jobsPerSecond: 1_000, cpuMicrosPerJob: 20, workerLoad: 0.8 }),
        rounds,
        spread: {
          jobsPerSecond: { least: 900, most: 1_200 },
          cpuMicrosPerJob: { least: 10, most: 30 },
          bytesPerJob: { least: 280, most: 280 },
        },
      },
    ]);
  });

  it('stand where their first was, those of other cells apart', () => {
    const cells = [{ prefetch: 0 }, { prefetch: 'auto' }, { prefetch: 0 }, { latencyMs: 9 }] as const;
    const summaries = summariesOf(cells.map((cell) => figure(cell)));
    expect(summaries.map(({ latencyMs, prefetch, rounds }) => [latencyMs, prefetch, rounds.length])).toEqual([
      [50, 0, 2],
      [50, 'auto', 1],
      [9, 0, 1],
    ]);
  });

  it('without a job count for the rate, not for what a job costs', () => {
    const none = figure({ jobs: 0, jobsPerSecond: 0, cpuMicrosPerJob: 0, bytesPerJob: 0 });
    const [both] = summariesOf([none, figure({ jobsPerSecond: 1_000 })]);
    expect(both).toMatchObject({ jobsPerSecond: 500, cpuMicrosPerJob: 20, bytesPerJob: 280 });
    expect(both!.spread.cpuMicrosPerJob).toEqual({ least: 20, most: 20 });
    expect(summariesOf([none])[0]).toMatchObject({ jobs: 0, jobsPerSecond: 0, cpuMicrosPerJob: 0 });
  });

  it('of a Faktory that cannot be looked at have no load of it', () => {
    const unseen = figure({ faktoryLoad: null });
    expect(summariesOf([unseen, unseen])[0]!.faktoryLoad).toBeNull();
  });
});
