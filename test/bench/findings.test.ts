import { expect, it } from 'vitest';
import { findingsOf } from '../../src/bench/findings.ts';
import { resultsOf, type Setting } from '../../src/bench/results.ts';
import { figure } from './figures.ts';

const found = (figures: Parameters<typeof resultsOf>[1]): string[] =>
  findingsOf(resultsOf({ bandwidth: null } as Setting, figures).cells);

it('a sweep comes to the fastest, what prefetch brought at each latency, and what bounded it', () => {
  const cell = (latencyMs: number, concurrency: number, prefetch: 0 | 'auto', jobsPerSecond: number) =>
    figure({
      ...{ latencyMs, concurrency, prefetch, jobsPerSecond },
      workerLoad: prefetch === 0 ? 0.3 : 0.95,
    });
  const figures = [
    cell(50, 100, 0, 2_000),
    cell(50, 100, 'auto', 20_000),
    cell(50, 200, 0, 4_000),
    cell(50, 200, 'auto', 21_000),
    cell(90, 100, 0, 500),
    cell(90, 100, 'auto', 500),
  ];
  expect(found(figures)).toEqual([
    "At most 21,000 jobs/s: 200 slots, 50 ms added, prefetch auto; CPU-bound: the worker's process was busy 95% of the time, of one core.",
    '50 ms added: prefetch auto ran 5.3 to 10 times as many jobs as prefetch 0.',
    '90 ms added: prefetch auto ran 1.0 times as many jobs as prefetch 0.',
    'What bounded prefetch 0, of 3 cells: latency-bound 2, not clear 1.',
    'What bounded prefetch auto, of 3 cells: CPU-bound 3.',
  ]);
});

it('a sweep of nothing comes to nothing', () => {
  expect(found([])).toEqual([]);
  expect(found([figure({ jobs: 0 })])).toEqual([]);
});
