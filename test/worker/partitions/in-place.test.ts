import { describe, expect, it } from 'vitest';
import type { JobPayload } from '../../../src/protocol/job.ts';
import { Unrecoverable } from '../../../src/unrecoverable.ts';
import { inPlace } from '../../../src/worker/partitions/in-place.ts';

const error = new Error('no');

/** One that has failed so often before. */
function jobOf(failures: number, retry?: number): JobPayload {
  const failure = { retry_count: failures - 1, remaining: 1, failed_at: '', message: '', errtype: '' };
  return {
    jid: 'j',
    jobtype: 'run',
    queue: 'q.0',
    args: [],
    ...(retry === undefined ? {} : { retry }),
    ...(failures === 0 ? {} : { failure }),
  };
}

describe('a job that failed in a partition', () => {
  it('is tried again after 1 s, 2 s and so on, 30 s at most', () => {
    const delays = [0, 1, 2, 3, 4, 5, 20].map((failures) => inPlace(jobOf(failures), error));
    expect(delays).toEqual(
      [1, 2, 4, 8, 16, 30, 30].map((seconds) => ({ is: 'again', afterMs: seconds * 1_000 })),
    );
  });

  it('is exhausted after as many retries as it has, and at once where none can mend it', () => {
    expect(inPlace(jobOf(1, 2), error).is).toBe('again');
    expect(inPlace(jobOf(2, 2), error).is).toBe('exhausted');
    expect(inPlace(jobOf(0, 0), error).is).toBe('exhausted');
    expect(inPlace(jobOf(0, 5), new Unrecoverable('never')).is).toBe('exhausted');
  });

  it('waits as its policy says', () => {
    expect(inPlace(jobOf(1), error, (attempt) => attempt * 7)).toEqual({ is: 'again', afterMs: 14 });
    expect(inPlace(jobOf(1), error, () => 'dead')).toEqual({ is: 'exhausted' });
    expect(inPlace(jobOf(1), error, () => undefined)).toEqual({ is: 'again', afterMs: 2_000 });
    expect(() => inPlace(jobOf(1), error, () => Number.NaN)).toThrow(/retry policy/);
  });
});
