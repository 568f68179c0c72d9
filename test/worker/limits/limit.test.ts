import { describe, expect, it } from 'vitest';
import { HeldJob } from '../../../src/worker/held-job.ts';
import { leaseOf } from '../../../src/worker/lease.ts';
import { Limit } from '../../../src/worker/limits/limit.ts';

function held(queue: string): HeldJob {
  const job = { jid: 'job-0001', jobtype: 'mail', queue, args: [] };
  return new HeldJob(job, leaseOf(60, 0, { steady: 0, wall: 0 }), 0);
}

const NEVER = Number.POSITIVE_INFINITY;

describe('Limit', () => {
  it('counts what runs, and gives its own queue the credit of what could begin at once', () => {
    const limit = new Limit('mail', { concurrency: 3 }, 'mails');
    expect(limit.creditOfOwn(0, 0)).toBe(3);
    const [own, foreign] = [held('mails'), held('default')];
    limit.begin(own, 0);
    // The one that runs is charged for itself: of three, two more may come.
    expect(limit.creditOfOwn(0, 0)).toBe(3);
    limit.begin(foreign, 0);
    expect(limit.creditOfOwn(0, 0)).toBe(2);
    expect([limit.running, limit.hasRoom(0)]).toEqual([2, true]);
    limit.begin(held('mails'), 0);
    expect([limit.hasRoom(0), limit.nextRoomAt(0, 0)]).toEqual([false, NEVER]);
    limit.end(foreign);
    expect([limit.creditOfOwn(0, 0), limit.hasRoom(0)]).toEqual([3, true]);
  });

  it('has its credit refilled by its rate: what runs, and the tokens that are left', () => {
    const limit = new Limit('mail', { rate: { limit: 2, everyMs: 100 } }, 'mails');
    expect([limit.creditOfOwn(0, 0), limit.nextRoomAt(0, 0)]).toEqual([2, NEVER]);
    limit.begin(held('mails'), 0);
    limit.begin(held('mails'), 50);
    expect([limit.creditOfOwn(50, 0), limit.hasRoom(50), limit.nextRoomAt(50, 0)]).toEqual([2, false, 100]);
    limit.end(held('mails'));
    limit.end(held('mails'));
    expect(limit.creditOfOwn(60, 0)).toBe(0);
    expect(limit.creditOfOwn(100, 0)).toBe(1);
    expect([limit.hasRoom(100), limit.nextRoomAt(100, 0)]).toEqual([true, 150]);
  });

  it('has its queue fetched for a token that will be back when the job is here', () => {
    const limit = new Limit('mail', { rate: { limit: 1, everyMs: 100 } }, 'mails');
    limit.begin(held('mails'), 0);
    limit.end(held('mails'));
    expect([limit.creditOfOwn(60, 30), limit.nextRoomAt(60, 30)]).toEqual([0, 70]);
    expect(limit.creditOfOwn(70, 30)).toBe(1);
    // One that comes a little too early waits for it, and nothing more is fetched.
    limit.park(held('mails'));
    expect([limit.hasRoom(99), limit.creditOfOwn(99, 30), limit.nextRoomAt(99, 30)]).toEqual([false, 0, 100]);
    expect(limit.unpark(100)).toBeDefined();
  });

  it('lets nothing be fetched while jobs wait that could not begin, and lets them begin in their order', () => {
    const limit = new Limit('mail', { concurrency: 1 }, 'mails');
    const jobs = [held('default'), held('mails'), held('mails')];
    limit.begin(jobs[0]!, 0);
    limit.park(jobs[1]!);
    limit.park(jobs[2]!);
    expect([limit.creditOfOwn(0, 0), limit.parked, limit.parkedOf('mails')]).toEqual([0, 2, 2]);
    expect(limit.unpark(0)).toBeUndefined();
    limit.end(jobs[0]!);
    expect(limit.unpark(0)).toBe(jobs[1]);
    expect(limit.take((each) => each === jobs[2])).toEqual([jobs[2]]);
    expect([limit.parked, limit.parkedOf('mails')]).toEqual([0, 0]);
  });

  it('lets another queue be fetched until too many of its jobs wait', () => {
    const limit = new Limit('mail', { rate: { limit: 3, everyMs: 100 } }, 'mails');
    limit.park(held('default'));
    expect(limit.creditOfOther('default', 2)).toBe(NEVER);
    // They come first: so much less of its own.
    expect(limit.creditOfOwn(0, 0)).toBe(2);
    limit.park(held('default'));
    expect([limit.creditOfOther('default', 2), limit.creditOfOther('other', 2)]).toEqual([0, NEVER]);
    limit.unpark(0);
    expect(limit.creditOfOther('default', 2)).toBe(NEVER);
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
