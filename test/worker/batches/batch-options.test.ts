import { expect, it } from 'vitest';
import { batchRules, roomOf } from '../../../src/worker/batches/batch-options.ts';

it('runs as many batches as there are slots, and waits for 100 ms, unless it is told otherwise', () => {
  expect(batchRules('point', { maxSize: 500 }, 10)).toMatchObject({
    maxDelayMs: 100,
    concurrency: 10,
    room: 10_000,
  });
});

it('has room for what runs and as much again, but not for more than is of use', () => {
  expect(roomOf(500, 1)).toBe(1_000);
  expect(roomOf(500, 10)).toBe(10_000);
  expect(roomOf(500, 500)).toBe(250_000 + 16_384);
});
