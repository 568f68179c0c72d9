import { describe, expect, it } from 'vitest';
import { HeldJob } from '../../../src/worker/held-job.ts';
import { leaseOf } from '../../../src/worker/lease.ts';
import { Limit } from '../../../src/worker/limits/limit.ts';

function held(queue: string): HeldJob {
  const job = { jid: 'job-0001', jobtype: 'mail', queue, args: [] };
  return new HeldJob(job, leaseOf(60, 0, { steady: 0, wall: 0 }), 0);
}

describe('Limit', () => {
  it('counts what runs, and gives its own queue the credit of what could begin at once', () => {
    const limit = new Limit('mail', { concurrency: 3 }, 'mails');
    expect(limit.creditOfOwn(0)).toBe(3);
    const [own, foreign] = [held('mails'), held('default')];
    limit.begin(own, 0);
    // The one that runs is charged for itself: of three, two more may come.
    expect(limit.creditOfOwn(0)).toBe(3);
    limit.begin(foreign, 0);
    expect(limit.creditOfOwn(0)).toBe(2);
    expect([limit.running, limit.hasRoom(0)]).toEqual([2, true]);
    limit.begin(held('mails'), 0);
    expect(limit.hasRoom(0)).toBe(false);
    limit.end(foreign);
    expect([limit.creditOfOwn(0), limit.hasRoom(0)]).toEqual([3, true]);
  });

  it('has its credit refilled by its rate: what runs, and the tokens that are left', () => {
    const limit = new Limit('mail', { rate: { limit: 2, everyMs: 100 } }, 'mails');
    expect(limit.creditOfOwn(0)).toBe(2);
    limit.begin(held('mails'), 0);
    limit.begin(held('mails'), 50);
    expect([limit.creditOfOwn(50), limit.hasRoom(50), limit.nextTokenAt(50)]).toEqual([2, false, 100]);
    limit.end(held('mails'));
    limit.end(held('mails'));
    expect(limit.creditOfOwn(60)).toBe(0);
    expect(limit.creditOfOwn(100)).toBe(1);
    expect([limit.hasRoom(100), limit.nextTokenAt(100)]).toEqual([true, undefined]);
  });

  it('lets nothing be fetched while jobs wait, and lets them begin in their order', () => {
    const limit = new Limit('mail', { concurrency: 1 }, 'mails');
    const jobs = [held('default'), held('mails'), held('mails')];
    limit.begin(jobs[0]!, 0);
    expect(limit.creditOfOther()).toBe(Number.POSITIVE_INFINITY);
    limit.park(jobs[1]!);
    limit.park(jobs[2]!);
    expect([limit.creditOfOwn(0), limit.creditOfOther(), limit.parked]).toEqual([0, 0, 2]);
    expect(limit.unpark(0)).toBeUndefined();
    limit.end(jobs[0]!);
    expect(limit.unpark(0)).toBe(jobs[1]);
    expect(limit.take((each) => each === jobs[2])).toEqual([jobs[2]]);
    expect(limit.parked).toBe(0);
  });

  it('takes other numbers while it works; a rate that stays keeps what was taken of it', () => {
    const limit = new Limit('mail', { concurrency: 1, rate: { limit: 1, everyMs: 100 } }, 'mails');
    limit.begin(held('mails'), 0);
    limit.set({ concurrency: 5, rate: { limit: 1, everyMs: 100 } });
    expect([limit.running, limit.tokens(10), limit.concurrency]).toEqual([1, 0, 5]);
    limit.set({ rate: { limit: 3, everyMs: 100 } });
    expect([limit.tokens(10), limit.concurrency]).toEqual([3, Number.POSITIVE_INFINITY]);
    limit.set({});
    expect(limit.hasRoom(10)).toBe(true);
  });
});
