/** When results leave, under which source, and what becomes of their jobs; Faktory is what the pusher says. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MillraceError } from '../../../src/errors.ts';
import { SILENT } from '../../../src/logger.ts';
import type { EncodedJob } from '../../../src/protocol/job.ts';
import type { Pusher } from '../../../src/pushing/pusher.ts';
import { HeldJob } from '../../../src/worker/held-job.ts';
import { leaseOf, nowOnBothClocks } from '../../../src/worker/lease.ts';
import { readResults } from '../../../src/worker/results/payload.ts';
import { Results } from '../../../src/worker/results/results.ts';
import { until } from '../../helpers/until.ts';

const target = { jobtype: 'sum', queue: 'sums', retry: 25, reserve_for: 1_800 };

interface Push {
  readonly job: EncodedJob;
  stored(): void;
  fails(code: 'DELIVERY_UNKNOWN' | 'FAKTORY_UNREACHABLE' | 'JOB_REJECTED'): void;
}

let pushes: Push[];
let ends: [string, HeldJob][];
let stopping: AbortController;
let results: Results;

beforeEach(() => {
  vi.useFakeTimers();
  pushes = [];
  ends = [];
  stopping = new AbortController();
  results = resultsOf({ maxSize: 1_000, maxDelayMs: 60_000 });
});

afterEach(() => {
  vi.useRealTimers();
});

function resultsOf(rules: { maxSize: number; maxDelayMs: number }): Results {
  const push = (job: EncodedJob): Promise<string> =>
    new Promise((resolve, reject) => {
      pushes.push({
        job,
        stored: () => resolve(job.jid),
        fails: (code) => reject(new MillraceError(code, code)),
      });
    });
  const made = new Results({
    rules,
    pusher: { push } as unknown as Pusher,
    logger: SILENT,
    stopping: stopping.signal,
    onStored: (held) => ends.push(['stored', held]),
    onUnsent: (held) => ends.push(['unsent', held]),
    onRefused: (held) => ends.push(['refused', held]),
    onRoom: () => {},
  });
  made.route('add', target);
  return made;
}

/** A job whose handler has come to that. */
function add(result: unknown, { jid = 'job-jid-1', reserveFor = 1_800, ageMs = 0 } = {}): HeldJob {
  const now = nowOnBothClocks();
  const job = { jid, jobtype: 'add', queue: 'default', args: [] };
  const held = new HeldJob(job, leaseOf(reserveFor, now.steady - ageMs, now), now.steady);
  held.moveTo('running');
  results.add(held, results.wrap('add', result)!, now.steady);
  return held;
}

const sent = ({ job }: Push) => readResults((JSON.parse(job.json) as { args: unknown[] }).args);
const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

describe('results', () => {
  it('of a copy bear the jid of the first, by which duplicates are told', () => {
    results = resultsOf({ maxSize: 2, maxDelayMs: 60_000 });
    add(1, { jid: 'first-jid' });
    add(1, { jid: 'first-jid.12-ab34' });
    expect(sent(pushes[0]!)).toEqual([
      { source: 'first-jid', jobtype: 'add', result: 1 },
      { source: 'first-jid', jobtype: 'add', result: 1 },
    ]);
  });

  it('leave before they are larger together than a job should be', () => {
    const large = 'x'.repeat(200_000);
    for (let i = 0; i < 5; i += 1) add(large);
    expect(pushes).toHaveLength(2);
    for (const { job } of pushes) expect(job.bytes).toBeLessThan(512 * 1024);
    expect([results.travelling, results.waiting]).toEqual([4, 1]);
  });

  it('count by their bytes as they travel: quotes take two', () => {
    const quotes = Array.from({ length: 50_000 }, () => '');
    for (let i = 0; i < 5; i += 1) add(quotes);
    expect(pushes).toHaveLength(2);
    for (const { job } of pushes) expect(job.bytes).toBeLessThan(512 * 1024);
  });

  it('leave sooner for one whose reservation is nearly over', async () => {
    add(1);
    add(2, { reserveFor: 60, ageMs: 25_000 });
    await vi.advanceTimersByTimeAsync(4_999);
    expect(pushes).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(pushes.map(sent)).toMatchObject([[{ result: 1 }, { result: 2 }]]);
    // The timer of the first is gone.
    add(3);
    await vi.advanceTimersByTimeAsync(59_999);
    expect(pushes).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(pushes).toHaveLength(2);
  });

  it('leave as soon as the worker stops, those that come later in the same turn', async () => {
    add(1);
    expect(pushes).toHaveLength(0);
    stopping.abort();
    expect(pushes).toHaveLength(1);
    add(2);
    add(3);
    await vi.advanceTimersToNextTimerAsync();
    expect(pushes.map((push) => sent(push).length)).toEqual([1, 2]);
  });

  it('that are stored owe the ACK of their jobs, those that are refused their FAIL', async () => {
    results = resultsOf({ maxSize: 1, maxDelayMs: 0 });
    const [stored, refused] = [add(1), add(2)];
    pushes[0]!.stored();
    pushes[1]!.fails('JOB_REJECTED');
    await settle();
    expect(ends).toEqual([
      ['stored', stored],
      ['refused', refused],
    ]);
    expect([results.travelling, results.stored, results.jobs]).toEqual([0, 1, 1]);
  });

  it('that are certainly not stored at the end have their jobs handed back', async () => {
    results = resultsOf({ maxSize: 1, maxDelayMs: 0 });
    const held = add(1);
    stopping.abort();
    pushes[0]!.fails('FAKTORY_UNREACHABLE');
    await settle();
    expect(ends).toEqual([['unsent', held]]);
  });

  it('that may be stored are not handed back: one doubt is enough, however later tries end', async () => {
    results = resultsOf({ maxSize: 1, maxDelayMs: 0 });
    const held = add(1);
    pushes[0]!.fails('DELIVERY_UNKNOWN');
    await until(() => pushes.length === 2);
    expect(pushes[1]!.job.jid).toBe(pushes[0]!.job.jid);
    stopping.abort();
    pushes[1]!.fails('FAKTORY_UNREACHABLE');
    await settle();
    expect([ends, held.state, results.travelling]).toEqual([[], 'settled', 0]);
  });
});
