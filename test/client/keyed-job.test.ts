import { describe, expect, it } from 'vitest';
import { keyedJob } from '../../src/client/keyed-job.ts';
import { partitionOf } from '../../src/partitions/partition-hash.ts';
import type { JobPayload } from '../../src/protocol/job.ts';

const DEFAULTS = { retry: 25, reserveFor: 1_800 };
const AT = { epoch: 1_760_000_000_000, number: 17 };
const invalid = (text: string) =>
  expect.objectContaining({ code: 'JOB_INVALID', message: expect.stringContaining(text) });

const payload = (json: string): JobPayload => JSON.parse(json) as JobPayload;

describe('a keyed job', () => {
  it('goes to the queue of its partition, and carries number, epoch and key', () => {
    const job = keyedJob({ jobtype: 'a', args: [1], queue: 'orders' }, 'k', 8, DEFAULTS);
    expect(job).toMatchObject({ queue: 'orders', partition: partitionOf('k', 8), isNumbered: true });
    expect(payload(job.json(AT))).toEqual({
      jid: job.jid,
      queue: `orders.${partitionOf('k', 8)}`,
      jobtype: 'a',
      args: [1],
      retry: 25,
      reserve_for: 1_800,
      custom: { millrace: { n: 17, e: AT.epoch, k: 'k' } },
    });
  });

  it('keeps the rest of custom as it was when it was pushed, and its other fields', () => {
    const custom: Record<string, unknown> = { trace: { id: 'a' } };
    const job = keyedJob({ jobtype: 'a', custom, backtrace: 3 }, '"é\ud83d\ude00', 4, DEFAULTS);
    (custom.trace as { id: string }).id = 'changed';
    const travelling = payload(job.json(AT));
    expect(travelling).toMatchObject({ jid: job.jid, backtrace: 3 });
    expect(travelling.custom).toEqual({
      trace: { id: 'a' },
      millrace: { n: 17, e: AT.epoch, k: '"é\ud83d\ude00' },
    });
  });

  it('is never longer than it said', () => {
    for (const custom of [undefined, { a: 'é'.repeat(40) }]) {
      const job = keyedJob({ jobtype: 'é', args: ['ü'], ...(custom && { custom }) }, 'ключ', 4, DEFAULTS);
      const longest = { epoch: Number.MAX_SAFE_INTEGER, number: Number.MAX_SAFE_INTEGER };
      expect(Buffer.byteLength(job.json(longest))).toBe(job.bytes);
      expect(Buffer.byteLength(job.json(undefined))).toBeLessThan(job.bytes);
    }
  });

  it('has no place in the order of pushes where it is to run at a time', () => {
    const job = keyedJob({ jobtype: 'a', at: '2030-01-31T09:00:00Z' }, 'k', 4, DEFAULTS);
    expect(job.isNumbered).toBe(false);
    // What an earlier life of the job left behind is no place either.
    const stale = { millrace: { n: 3, e: 4, k: 'other' } };
    const unnumbered = keyedJob({ jobtype: 'a', custom: stale }, 'k', 4, DEFAULTS).json(undefined);
    expect(payload(unnumbered).custom).toEqual({ millrace: { k: 'k' } });
  });

  it('refuses keys that are none, and jobs as any push does', () => {
    for (const key of ['', 'x'.repeat(513), '\u{1f69a}'.repeat(513), 5, {}, Symbol('k')])
      expect(() => keyedJob({ jobtype: 'a' }, key, 4, DEFAULTS)).toThrow(invalid('partitionKey'));
    for (const key of ['x'.repeat(512), '\u{1f69a}'.repeat(512)])
      expect(keyedJob({ jobtype: 'a' }, key, 4, DEFAULTS).partition).toBeLessThan(4);
    expect(() => keyedJob({ jobtype: '' }, 'k', 4, DEFAULTS)).toThrow(invalid('jobtype'));
    expect(() => keyedJob({ jobtype: 'a', queue: 'retries' }, 'k', 4, DEFAULTS)).toThrow(invalid('queue'));
    const bad = { jobtype: 'a', custom: [] as unknown as Record<string, unknown> };
    expect(() => keyedJob(bad, 'k', 4, DEFAULTS)).toThrow(invalid('custom'));
  });
});
