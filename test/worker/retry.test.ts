import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../src/errors.ts';
import type { JobPayload } from '../../src/protocol/job.ts';
import { Unrecoverable } from '../../src/unrecoverable.ts';
import { poison } from '../../src/worker/poison.ts';
import { attemptOf, endOf, failureAfter, faktoryDelayMs, outcomeOf } from '../../src/worker/retry.ts';

function job(retry: number | undefined, failures = 0): JobPayload {
  const base = { jid: 'abcdefgh', jobtype: 'add', queue: 'default', args: [] };
  const withRetry = retry === undefined ? base : { ...base, retry };
  if (failures === 0) return withRetry;
  const failure = {
    failed_at: '2026-01-01T00:00:00Z',
    retry_count: failures - 1,
    remaining: (retry ?? 25) - failures + 1,
  };
  return { ...withRetry, failure };
}

describe('endOf: what a FAIL ends a job in', () => {
  it.each([
    [undefined, 0, undefined],
    [0, 0, 'discarded'],
    [-1, 0, 'dead'],
    [1, 0, undefined],
    [1, 1, 'dead'],
    [3, 2, undefined],
    [3, 3, 'dead'],
    [25, 24, undefined],
    [25, 25, 'dead'],
  ])('retry %s after %i failures: %s', (retry, failures, end) => {
    expect(endOf(job(retry, failures))).toBe(end);
  });
});

describe('outcomeOf', () => {
  it('fails by default, and lets a policy say when', () => {
    expect(outcomeOf(job(25), new Error('x'))).toEqual({ kind: 'fail' });
    const asked: unknown[] = [];
    const policy = (attempt: number, error: unknown) => {
      asked.push([attempt, (error as Error).message]);
      return attempt * 100;
    };
    expect(outcomeOf(job(25), new Error('x'), policy)).toEqual({ kind: 'delay', delayMs: 100 });
    expect(outcomeOf(job(25, 4), new Error('y'), policy)).toEqual({ kind: 'delay', delayMs: 500 });
    expect(asked).toEqual([
      [1, 'x'],
      [5, 'y'],
    ]);
  });

  it('does not ask the policy for poison, nor when no retry is left', () => {
    const policy = (): number => {
      throw new Error('was asked');
    };
    expect(outcomeOf(job(25), new Unrecoverable('gone'), policy)).toEqual({ kind: 'kill' });
    expect(outcomeOf(job(25), poison(new MillraceError('HANDLER_UNKNOWN')), policy)).toEqual({
      kind: 'kill',
    });
    expect(outcomeOf(job(0), new Error('x'), policy)).toEqual({ kind: 'fail' });
    expect(outcomeOf(job(2, 2), new Error('x'), policy)).toEqual({ kind: 'fail' });
  });

  it("takes 'dead', and undefined for Faktory's own schedule", () => {
    expect(outcomeOf(job(25), 'text', () => 'dead')).toEqual({ kind: 'kill' });
    expect(outcomeOf(job(25), null, () => undefined)).toEqual({ kind: 'fail' });
    expect(outcomeOf(job(25), null, () => 1e300)).toEqual({ kind: 'delay', delayMs: 366 * 86_400_000 });
  });

  it.each([-1, Number.NaN, 'never', {}])('refuses the answer %s', (answer) => {
    expect(() => outcomeOf(job(25), null, () => answer as number)).toThrow('it takes ms from 0');
  });

  it('knows Unrecoverable of another copy of the package by its name, and survives hostile errors', () => {
    class Other extends Error {
      override name = 'Unrecoverable';
    }
    expect(outcomeOf(job(25), new Other('x'))).toEqual({ kind: 'kill' });
    const hostile = Object.create(Error.prototype, {
      name: {
        get() {
          throw new Error('no');
        },
      },
    });
    expect(outcomeOf(job(25), hostile)).toEqual({ kind: 'fail' });
  });
});

describe('failureAfter: as Faktory fills it in', () => {
  const failure = { jid: 'abcdefgh', errtype: 'TypeError', message: 'no', backtrace: ['at x'] };
  const now = new Date('2026-05-01T10:00:00Z');

  it('begins with count 0 and all retries, then counts', () => {
    expect(failureAfter(job(3), failure, now)).toEqual({
      failed_at: now.toISOString(),
      retry_count: 0,
      remaining: 3,
      errtype: 'TypeError',
      message: 'no',
      backtrace: ['at x'],
    });
    expect(failureAfter(job(3, 1), failure, now)).toMatchObject({
      failed_at: '2026-01-01T00:00:00Z',
      retry_count: 1,
      remaining: 2,
    });
    expect(attemptOf(job(3, 2))).toBe(3);
  });

  it('waits for count⁴ + 15 + rand(30)·(count+1) seconds', () => {
    expect(faktoryDelayMs(job(25), 0)).toBe(15_000);
    expect(faktoryDelayMs(job(25, 2), 0.999)).toBe((16 + 15 + 29 * 3) * 1_000);
  });
});
