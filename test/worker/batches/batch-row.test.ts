import { describe, expect, it } from 'vitest';
import { BatchRow } from '../../../src/worker/batches/batch-row.ts';
import { HeldJob } from '../../../src/worker/held-job.ts';
import { leaseOf } from '../../../src/worker/lease.ts';

/** A job that came at `at` ms, reserved for so many seconds. */
function job(n: number, at: number, reserveFor = 1_800): HeldJob {
  const payload = { jid: `job-number-${n}`, jobtype: 'point', args: [n], queue: 'points' };
  return new HeldJob(payload, leaseOf(reserveFor, at, { steady: at, wall: at }), at);
}

const numbers = (jobs: readonly HeldJob[]): unknown[] => jobs.map(({ job: { args } }) => args[0]);

describe('a row', () => {
  it('is due when a batch is full, however many are', () => {
    const row = new BatchRow({ maxSize: 3, maxDelayMs: 1_000 });
    for (let n = 0; n < 7; n += 1) {
      expect(row.due(0)).toBe(Math.floor(n / 3));
      row.add(job(n, 0));
    }
    expect(row.due(0)).toBe(2);
    expect(numbers(row.shift())).toEqual([0, 1, 2]);
    expect(numbers(row.shift())).toEqual([3, 4, 5]);
    expect(row.due(0)).toBe(0);
    expect(row.size).toBe(1);
  });

  it('is due when its first job has waited for maxDelayMs, counted from that one', () => {
    const row = new BatchRow({ maxSize: 3, maxDelayMs: 100 });
    expect(row.dueAt).toBe(Number.POSITIVE_INFINITY);
    row.add(job(0, 50));
    row.add(job(1, 140));
    expect(row.dueAt).toBe(150);
    expect([row.due(149), row.due(150)]).toEqual([0, 1]);
    row.add(job(2, 141));
    row.add(job(3, 142));
    row.shift();
    expect(row.dueAt).toBe(242);
  });

  it('leaves early, before a quarter of the shortest reservation has passed, whatever maxDelayMs says', () => {
    const row = new BatchRow({ maxSize: 3, maxDelayMs: 3_600_000 });
    row.add(job(0, 0));
    row.add(job(1, 1_000, 60));
    expect(row.dueAt).toBe(13_000);
    expect(row.due(13_000)).toBe(1);
    row.shift();
    row.add(job(2, 0));
    expect(row.dueAt).toBe(360_000);
  });

  it('gives back what is chosen; the others keep their order', () => {
    const row = new BatchRow({ maxSize: 10, maxDelayMs: 3_600_000 });
    row.add(job(0, 0));
    row.add(job(1, 0, 60));
    row.add(job(2, 0));
    row.add(job(3, 0));
    expect(row.take(() => false)).toEqual([]);
    expect(numbers(row.take(({ job: { args } }, at) => args[0] === 2 || at === 1))).toEqual([1, 2]);
    expect(row.dueAt).toBe(360_000);
    expect(numbers(row.shift())).toEqual([0, 3]);
    expect(row.shift()).toEqual([]);
  });
});
