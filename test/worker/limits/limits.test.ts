import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Breakers } from '../../../src/worker/breakers.ts';
import { Credits } from '../../../src/worker/credits.ts';
import { HeldJob } from '../../../src/worker/held-job.ts';
import { leaseOf } from '../../../src/worker/lease.ts';
import { Limits } from '../../../src/worker/limits/limits.ts';
import { ReadyJobs } from '../../../src/worker/ready-jobs.ts';
import { Slots } from '../../../src/worker/slots.ts';
import { WaitingJobs } from '../../../src/worker/waiting-jobs.ts';

const HOUR_MS = 3_600_000;
const none = (): void => {};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'], now: 0 });
});

afterEach(() => {
  vi.useRealTimers();
});

function held(queue: string, jid = 'job-0001'): HeldJob {
  const now = performance.now();
  const job = { jid, jobtype: 'call', queue, args: [] };
  return new HeldJob(job, leaseOf(1_800, now, { steady: now, wall: now }), now);
}

function newLimits({ roundTripMs = 0, mostStrays = 5 } = {}) {
  const credits = new Credits();
  const warnings: object[] = [];
  let rooms = 0;
  const warn = (fields: object): void => void warnings.push(fields);
  const logger = { debug: none, info: none, error: none, warn };
  const onRoom = (): void => {
    rooms += 1;
  };
  const limits = new Limits({ credits, logger, mostStrays, roundTripMs: () => roundTripMs, onRoom });
  const begins = (queue = 'calls'): boolean => !limits.holdsBack(held(queue), performance.now());
  return { limits, credits, warnings, begins, logger, rooms: () => rooms };
}

describe('Limits', () => {
  it('lets none that comes overtake those that wait', () => {
    const { limits } = newLimits();
    limits.set('call', { concurrency: 1 }, 'calls');
    const [first, second, third] = [held('calls'), held('calls'), held('calls')];
    expect(limits.holdsBack(first, 0)).toBe(false);
    expect(limits.holdsBack(second, 0)).toBe(true);
    limits.leave(first);
    // There is room, but it is the second's.
    expect(limits.holdsBack(third, 0)).toBe(true);
    expect(limits.next(0)).toBe(second);
    limits.leave(second);
    expect(limits.next(0)).toBe(third);
  });

  it('takes a token when the job begins, however long ago its reply came', () => {
    const { limits, begins } = newLimits();
    limits.set('call', { rate: { limit: 1, everyMs: 50 } }, 'calls');
    vi.advanceTimersByTime(100);
    expect(limits.holdsBack(held('calls'), 40)).toBe(false);
    vi.advanceTimersByTime(40);
    expect(begins()).toBe(false);
  });

  it('wakes the worker for each token that comes back', () => {
    const { limits, begins, rooms } = newLimits();
    limits.set('call', { rate: { limit: 2, everyMs: 100 } }, 'calls');
    begins();
    vi.advanceTimersByTime(50);
    begins();
    vi.advanceTimersByTime(49);
    expect(rooms()).toBe(0);
    vi.advanceTimersByTime(1);
    expect(rooms()).toBe(1);
    vi.advanceTimersByTime(50);
    expect(rooms()).toBe(2);
    vi.advanceTimersByTime(HOUR_MS);
    expect(rooms()).toBe(2);
  });

  it('wakes it to fetch while the token is on its way, and again where a job waits for it', () => {
    const { limits, begins, rooms, credits } = newLimits({ roundTripMs: 30 });
    limits.set('call', { rate: { limit: 1, everyMs: 100 } }, 'calls');
    const first = held('calls');
    limits.holdsBack(first, 0);
    limits.leave(first);
    vi.advanceTimersByTime(69);
    expect([rooms(), credits.hasRoom('calls')]).toEqual([0, false]);
    vi.advanceTimersByTime(1);
    expect([rooms(), credits.hasRoom('calls')]).toEqual([1, true]);
    expect(begins()).toBe(false);
    vi.advanceTimersByTime(30);
    expect(rooms()).toBe(2);
    expect(limits.next(performance.now())).toBeDefined();
  });

  it('keeps to another rate at once, though the old one waits for an hour', () => {
    const { limits, begins, rooms } = newLimits();
    limits.set('call', { rate: { limit: 1, everyMs: HOUR_MS } }, 'calls');
    begins();
    limits.set('call', { rate: { limit: 1, everyMs: 50 } });
    expect(rooms()).toBe(1);
    begins();
    vi.advanceTimersByTime(50);
    expect(rooms()).toBe(2);
    begins();
    // The same again: it still wakes.
    limits.set('call', { rate: { limit: 1, everyMs: 50 } });
    vi.advanceTimersByTime(50);
    expect(rooms()).toBe(4);
  });

  it('leaves no credit behind, and wakes nobody, once a limit is gone or has another queue', () => {
    const { limits, credits, begins, rooms } = newLimits();
    limits.set('call', { rate: { limit: 1, everyMs: 50 } }, 'calls');
    expect(credits.has('calls')).toBe(true);
    limits.set('call', { rate: { limit: 1, everyMs: 50 } }, 'others');
    expect([credits.has('calls'), credits.has('others')]).toEqual([false, true]);
    begins('others');
    limits.remove('call');
    const before = rooms();
    vi.advanceTimersByTime(HOUR_MS);
    expect([credits.any, rooms() - before]).toEqual([false, 0]);
  });

  it('lets a queue that is not its own be fetched while few of its jobs wait, and says so once', () => {
    const { limits, credits, warnings, begins } = newLimits({ mostStrays: 2 });
    limits.set('call', { rate: { limit: 1, everyMs: HOUR_MS } }, 'calls');
    expect([begins(), begins('default')]).toEqual([true, false]);
    expect(credits.hasRoom('default')).toBe(true);
    expect(begins('default')).toBe(false);
    expect([credits.hasRoom('default'), limits.parked]).toEqual([false, 2]);
    expect(warnings).toEqual([{ jobtype: 'call', queue: 'default', ownQueue: 'calls' }]);
    // They are handed back: it is fetched again.
    expect(limits.take(() => true)).toHaveLength(2);
    expect([credits.hasRoom('default'), credits.has('default')]).toEqual([true, false]);
  });
});

describe('what waits for the limit', () => {
  it('is handed back after two seconds, and its copy only when a quarter of its reservation is over', () => {
    const { limits, credits, logger } = newLimits();
    limits.set('call', { concurrency: 1 }, 'calls');
    const given: string[] = [];
    const events = { onStart: none, onExpired: none, onSlow: none, onZombies: none };
    const slots = new Slots(5, HOUR_MS, new ReadyJobs(() => 0), limits, events);
    const waiting = new WaitingJobs({
      slots,
      givingBack: { give: async (each: HeldJob) => void given.push(each.job.jid) } as never,
      breakers: new Breakers(credits, logger, none),
      stopping: new AbortController().signal,
      roundTripMs: () => 0,
      onStale: none,
    });
    for (const jid of ['runs-0001', 'first-0001', 'first-0001.1-abcd'])
      slots.add(held('default', jid), { steady: 0, wall: 0 });
    for (const [atMs, all] of [
      [2_000, []],
      [2_001, ['first-0001']],
      [400_000, ['first-0001']],
      [450_000, ['first-0001', 'first-0001.1-abcd']],
    ] as const) {
      vi.advanceTimersByTime(atMs - performance.now());
      waiting.sweep({ steady: atMs, wall: atMs });
      expect([atMs, given]).toEqual([atMs, all]);
    }
  });
});
