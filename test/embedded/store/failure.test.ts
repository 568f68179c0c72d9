import { expect, it } from 'vitest';
import { decodeJob } from '../../../src/embedded/job/record.ts';
import { fateOf, recordFailure, retryDelayS } from '../../../src/embedded/store/failure.ts';

const REPORT = { errtype: 'E', message: 'm', backtrace: [] };

it.each([
  [0, 0, 15],
  [0, 0.999, 15 + 29],
  [1, 0, 16],
  [1, 0.5, 16 + 15 * 2],
  [3, 0.999, 81 + 15 + 29 * 4],
  [24, 0, 331_791],
])('after %i retries, with a random part of %f, the next try is in %i s', (count, random, seconds) => {
  expect(retryDelayS(count, random)).toBe(seconds);
});

it.each([
  [25, 0, 'retries'],
  [1, 0, 'retries'],
  [1, 1, 'dead'],
  [25, 25, 'dead'],
  [0, 0, 'discarded'],
  [-1, 0, 'dead'],
] as const)('retry %i at retry_count %i: %s', (retry, retry_count, fate) => {
  expect(fateOf(decodeJob({ retry, failure: { retry_count } }))).toBe(fate);
});

it('counts retries up and what remains down, not under 0', () => {
  const job = decodeJob({ retry: 1 });
  const counts: [number, number][] = [];
  for (let i = 0; i < 4; i++) {
    job.failure = recordFailure(job, REPORT, i);
    counts.push([job.failure.retry_count, job.failure.remaining]);
  }
  expect(counts).toEqual([
    [0, 1],
    [1, 0],
    [2, 0],
    [3, 0],
  ]);
  expect(job.failure?.failed_at).toBe('1970-01-01T00:00:00.000Z');
});

it('cuts at bytes, and calls nothing unknown', () => {
  const job = decodeJob({ retry: 1 });
  const told = recordFailure(job, { errtype: ' \n ', message: `a${'é'.repeat(600)}`, backtrace: [] }, 0);
  expect(told.errtype).toBe('unknown');
  expect(told.message).toBe(`a${'é'.repeat(499)}\ufffd`);
});
