import { describe, expect, it } from 'vitest';
import { JID, type JobPayload } from '../../src/protocol/job.ts';
import { canHandBack, copyOf, firstJid, nextJid } from '../../src/worker/hand-back.ts';

const job: JobPayload = {
  jid: 'abcdefgh1234',
  jobtype: 'add',
  args: [{ a: 1 }],
  queue: 'default',
  retry: 3,
  reserve_for: 600,
  created_at: '2026-01-01T00:00:00Z',
  enqueued_at: '2026-01-01T00:00:01Z',
  at: '2026-01-01T00:00:00Z',
  custom: { tenant: 7 },
  failure: {
    failed_at: '2026-01-01T00:00:02Z',
    retry_count: 1,
    remaining: 1,
    errtype: 'Error',
    message: 'no',
  },
};

describe('the jid of a copy', () => {
  it('counts the hand-backs behind the first jid', () => {
    const once = nextJid(job.jid, 'a1b2');
    const twice = nextJid(once, 'c3d4');
    expect([once, twice]).toEqual(['abcdefgh1234.1-a1b2', 'abcdefgh1234.2-c3d4']);
    expect([job.jid, once, twice].map(firstJid)).toEqual([job.jid, job.jid, job.jid]);
  });

  it('leaves a jid alone that only looks a little like a copy', () => {
    for (const jid of ['abcdefgh.1', 'abcdefgh.1-xyzw', 'report.2024-01', 'a.1-a1b2'])
      expect(firstJid(jid)).toBe(jid);
  });

  it('is a jid by our own rule, and new each time', () => {
    const jids = new Set(Array.from({ length: 50 }, () => nextJid(job.jid)));
    for (const jid of jids) expect(jid).toMatch(JID);
    expect(jids.size).toBeGreaterThan(40);
  });
});

describe('the copy', () => {
  it('keeps the job and its history, under a new jid, and burns no retry', () => {
    const { jid: _jid, at: _at, enqueued_at: _enqueued, ...kept } = job;
    const copy = JSON.parse(copyOf(job).json);
    expect(copy).toEqual({ ...kept, jid: expect.stringMatching(/^abcdefgh1234\.1-[0-9a-f]{4}$/) });
  });

  it('may be delayed', () => {
    const at = new Date('2030-01-01T00:00:00Z');
    expect(JSON.parse(copyOf(job, { at }).json).at).toBe('2030-01-01T00:00:00.000Z');
  });
});

describe('canHandBack', () => {
  it('is false for jobs that Faktory Enterprise keeps books on', () => {
    expect(canHandBack(job)).toBe(true);
    for (const field of ['bid', 'unique_for', 'track']) {
      expect(canHandBack({ ...job, custom: { [field]: 1 } })).toBe(false);
    }
  });
});
