import { describe, expect, it } from 'vitest';
import type { JobPayload } from '../../../src/protocol/job.ts';
import { failureOfSpent, isSpent, spentCopyOf } from '../../../src/worker/partitions/spent.ts';
import { endOf } from '../../../src/worker/retry.ts';

const failure = { jid: 'j', errtype: 'E', message: 'no', backtrace: ['at x'] };

function jobOf(more: Partial<JobPayload> = {}): JobPayload {
  const custom = { own: 1, millrace: { n: 7, e: 5, k: 'key' } };
  return { jid: 'j', jobtype: 'run', queue: 'q.0', args: [1], retry: 4, custom, ...more };
}

function copyOf(job: JobPayload): JobPayload {
  return JSON.parse(spentCopyOf(job, failure, new Date()).json) as JobPayload;
}

describe('the copy of a job that goes to Dead', () => {
  it('has its key and no place, and its next FAIL is the last', () => {
    for (const before of [jobOf(), jobOf({ failure: { failed_at: 'then', retry_count: 1, remaining: 2 } })]) {
      const copy = copyOf(before);
      expect(copy).toMatchObject({ queue: 'q.0', args: [1], retry: 4, custom: { own: 1 } });
      expect(copy.custom!.millrace).toEqual({ k: 'key', spent: 3 });
      expect(copy.jid).not.toBe('j');
      expect([endOf(before), endOf(copy), isSpent(before), isSpent(copy)]).toEqual([
        undefined,
        'dead',
        false,
        true,
      ]);
    }
  });

  it('tells what it failed with; of a job of another program, too', () => {
    const { retry: _, custom: __, ...plain } = jobOf();
    const copy = copyOf(plain);
    expect(copy.failure).toMatchObject({ retry_count: 24, message: 'no', errtype: 'E' });
    expect(failureOfSpent(copy)).toEqual({ ...failure, jid: copy.jid });
    expect([endOf(copy), isSpent(copy)]).toEqual(['dead', true]);
  });

  it('is a job like any other once it was in Dead', () => {
    const copy = copyOf(jobOf());
    expect(isSpent({ ...copy, failure: { ...copy.failure!, retry_count: 4 } })).toBe(false);
  });
});
