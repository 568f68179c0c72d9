import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MillraceError } from '../../src/errors.ts';
import { SILENT } from '../../src/logger.ts';
import { type Coordinator, otherLayout } from '../../src/partitions/coordinator.ts';
import type { HeldLease, LeaseEnd } from '../../src/partitions/held-lease.ts';
import { Holder } from '../../src/partitions/holder.ts';
import { MemoryCoordinator } from '../../src/partitions/memory-coordinator.ts';

const TTL_MS = 30_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function coordinatorOf(partitions: number): MemoryCoordinator {
  return new MemoryCoordinator({
    partitions,
    queue: 'q',
    ttlMs: TTL_MS,
    now: () => 1_000_000 + performance.now(),
  });
}

/** The same coordinator by a way that can be cut. */
function cuttable(coordinator: Coordinator): { coordinator: Coordinator; cut(isCut: boolean): void } {
  let isCut = false;
  const through = new Proxy(coordinator, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (isCut) return Promise.reject(new MillraceError('REDIS_UNAVAILABLE'));
        return value.apply(target, args);
      };
    },
  });
  return {
    coordinator: through,
    cut(now) {
      isCut = now;
    },
  };
}

interface Pod {
  holder: Holder;
  ends: LeaseEnd[];
  surplus: HeldLease[];
  /** Partitions of which it may start jobs just now. */
  live(): number[];
  logged: string[];
}

/** Gives up at once what it is to give up, unless it is `slow`. */
function pod(coordinator: Coordinator, owner: string, { most = 4, slow = false } = {}): Pod {
  const ends: LeaseEnd[] = [];
  const surplus: HeldLease[] = [];
  const logged: string[] = [];
  const holder = new Holder({
    coordinator,
    owner,
    most,
    logger: {
      ...SILENT,
      warn: (_: object, text: string) => void logged.push(text),
      error: (_: object, text: string) => void logged.push(text),
    },
    onGain: () => {},
    onSurplus: (lease) => {
      surplus.push(lease);
      if (!slow) void lease.release();
    },
    onEnd: (_, why) => ends.push(why),
  });
  holder.start();
  const live = () =>
    holder.leases
      .filter(({ lives }) => lives)
      .map(({ partition }) => partition)
      .sort();
  return { holder, ends, surplus, live, logged };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** In steps, looking each time that no partition has two owners. */
async function passWatched(ms: number, pods: readonly Pod[]): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    await pass(50);
    const live = pods.flatMap((each) => each.live());
    expect(new Set(live).size).toBe(live.length);
  }
}

describe('a holder', () => {
  it('takes what is free, up to its most, and keeps it', async () => {
    const coordinator = coordinatorOf(8);
    const a = pod(coordinator, 'a', { most: 3 });
    await pass(10);
    expect(a.live()).toHaveLength(3);
    const before = a.live();
    await pass(10 * TTL_MS);
    expect([a.live(), a.ends]).toEqual([before, []]);
    expect(a.holder.tally).toMatchObject({ gained: 3 });
    a.holder.close();
  });

  it('gives up to a pod that joins, and gets it back when that stops', async () => {
    const coordinator = coordinatorOf(4);
    const a = pod(coordinator, 'a');
    await pass(10);
    expect(a.live()).toEqual([0, 1, 2, 3]);
    const b = pod(coordinator, 'b');
    await passWatched(4_000, [a, b]);
    expect([a.live().length, b.live().length]).toEqual([2, 2]);
    const stopped = b.holder.stop();
    await passWatched(4_000, [a, b]);
    await stopped;
    expect(b.ends).toEqual(['released', 'released']);
    expect(a.live()).toEqual([0, 1, 2, 3]);
    expect((await coordinator.look()).members.map(({ owner }) => owner)).toEqual(['a']);
    a.holder.close();
  });

  it('keeps what it gives up until that is released', async () => {
    const coordinator = coordinatorOf(2);
    const a = pod(coordinator, 'a', { slow: true });
    await pass(10);
    const b = pod(coordinator, 'b');
    await passWatched(2 * TTL_MS, [a, b]);
    expect([a.live().length, b.live().length]).toEqual([2, 0]);
    expect(a.surplus).toHaveLength(1);
    expect(a.surplus[0]).toMatchObject({ lives: true, isLeaving: true });
    await a.surplus[0]!.release();
    await passWatched(1_500, [a, b]);
    expect([a.live().length, b.live().length]).toEqual([1, 1]);
    for (const { holder } of [a, b]) holder.close();
  });

  it('never owns more than its most, what it is giving up included', async () => {
    const coordinator = coordinatorOf(4);
    const a = pod(coordinator, 'a', { most: 2, slow: true });
    await pass(10);
    const b = pod(coordinator, 'b');
    await pass(3_000);
    const c = pod(coordinator, 'c', { most: 1 });
    await pass(3_000);
    expect(a.surplus).toHaveLength(1);
    // What it had is free now, and c has no room for it once a has released.
    await b.holder.stop();
    await passWatched(10_000, [a, c]);
    expect(a.holder.leases).toHaveLength(2);
    for (const { holder } of [a, c]) holder.close();
  });

  it('takes over from a dead one within the time of a lease and a second', async () => {
    const coordinator = coordinatorOf(4);
    const link = cuttable(coordinator);
    const a = pod(link.coordinator, 'a');
    await pass(10);
    const b = pod(coordinator, 'b');
    await pass(4_000);
    // It dies without a word.
    link.cut(true);
    const { nextLapseMs } = await coordinator.look();
    a.holder.close();
    await pass(nextLapseMs! - 1);
    expect(b.live()).toHaveLength(2);
    await pass(1_000);
    expect(b.live()).toEqual([0, 1, 2, 3]);
    b.holder.close();
  });

  it('ends its leases before anyone else can have them, when Redis is away for it alone', async () => {
    const coordinator = coordinatorOf(2);
    const link = cuttable(coordinator);
    const a = pod(link.coordinator, 'a');
    await pass(10);
    const b = pod(coordinator, 'b', { most: 2 });
    await pass(4_000);
    const [lease] = a.holder.leases;
    let aborted = false;
    lease!.signal.addEventListener('abort', () => {
      aborted = true;
    });
    link.cut(true);
    await passWatched(2 * TTL_MS, [a, b]);
    expect([a.live(), a.ends, aborted, b.live()]).toEqual([[], ['released', 'expired'], true, [0, 1]]);
    expect(a.logged.filter((line) => line.includes('could not be renewed')).length).toBe(1);
    link.cut(false);
    await passWatched(5_000, [a, b]);
    expect([a.live().length, b.live().length]).toEqual([1, 1]);
    for (const { holder } of [a, b]) holder.close();
  });

  it('goes on over a short absence of Redis', async () => {
    const link = cuttable(coordinatorOf(2));
    const a = pod(link.coordinator, 'a');
    await pass(10);
    link.cut(true);
    await pass(TTL_MS / 2);
    expect(a.live()).toEqual([0, 1]);
    link.cut(false);
    await pass(5 * TTL_MS);
    expect([a.live(), a.ends]).toEqual([[0, 1], []]);
    a.holder.close();
  });

  it('knows that it slept: nothing lives, before any timer has told it', async () => {
    const coordinator = coordinatorOf(1);
    const a = pod(coordinator, 'a');
    await pass(10);
    const [lease] = a.holder.leases;
    // The wall clock goes on through SIGSTOP and suspend; no timer fires here.
    vi.setSystemTime(Date.now() + TTL_MS);
    expect([lease!.lives, lease!.signal.aborted, a.ends]).toEqual([false, true, ['expired']]);
    expect(await lease!.checkpoint({ epoch: 1, first: 1, next: 2, open: [] })).toBe(false);
    a.holder.close();
  });

  it('has a checkpoint refused that another fence has overtaken, and ends', async () => {
    const coordinator = coordinatorOf(1);
    await coordinator.begin([0]);
    const a = pod(coordinator, 'a');
    await pass(10);
    const [lease] = a.holder.leases;
    expect(await lease!.checkpoint({ ...lease!.place!, next: 2 })).toBe(true);
    await coordinator.release(lease!);
    await coordinator.acquire(0, 'thief');
    expect(await lease!.checkpoint({ ...lease!.place!, next: 3 })).toBe(false);
    expect([a.ends, lease!.signal.aborted]).toEqual([['taken'], true]);
    expect((await coordinator.status()).each[0]!.place!.next).toBe(2);
    a.holder.close();
  });

  it('tells once that Redis was restarted or emptied under it', async () => {
    const coordinator = coordinatorOf(2);
    await coordinator.begin([0, 1]);
    const look = coordinator.look.bind(coordinator);
    let calmMs = 0;
    coordinator.look = async (member) => ({ ...(await look(member)), calmMs });
    const a = pod(coordinator, 'a');
    await pass(5_000);
    expect([a.live(), a.logged]).toEqual([[0, 1], []]);
    calmMs = 20_000;
    await pass(10_000);
    expect(a.logged).toEqual([
      expect.stringContaining(
        'Redis was restarted or emptied: no partition of queue q gets another owner for 30 s',
      ),
    ]);
    expect(a.live()).toEqual([0, 1]);
    a.holder.close();
  });

  it('tells of partitions that nobody takes, once a minute', async () => {
    const a = pod(coordinatorOf(6), 'a', { most: 4 });
    await pass(2 * TTL_MS - 1_000);
    expect(a.holder.ownerless).toEqual([]);
    await pass(3_000);
    expect(a.holder.ownerless).toHaveLength(2);
    expect(a.logged).toEqual([
      expect.stringMatching(
        /^2 of 6 partitions of queue q \(\d, \d\) have had no worker for up to 6\d s, and their jobs do not run: the workers that are there take 4 /,
      ),
    ]);
    await pass(60_000);
    expect(a.logged).toHaveLength(2);
    a.holder.close();
  });

  it('gives up all that it has once the queue has another number of partitions, tells it once, and takes no more', async () => {
    const coordinator = coordinatorOf(2);
    const asked: string[] = [];
    let isChanged = false;
    const changing = new Proxy(coordinator, {
      get(target, name) {
        const value = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (isChanged) asked.push(String(name));
          return isChanged ? Promise.reject(otherLayout('q', 2, 3, undefined)) : value.apply(target, args);
        };
      },
    });
    const quick = pod(changing, 'quick', { most: 1 });
    const slow = pod(changing, 'slow', { most: 1, slow: true });
    await pass(2_000);
    expect([quick.live().length, slow.live().length]).toEqual([1, 1]);
    isChanged = true;
    await pass(1_500);
    // One runs what it has; new owners wait for the time of a lease.
    expect([quick.ends, slow.ends, slow.live().length]).toEqual([['released'], [], 1]);
    for (const { holder, surplus, logged } of [quick, slow]) {
      expect(surplus).toHaveLength(1);
      expect(holder.outdated).toMatch(/^PARTITIONS is 2 here, but queue q has 3 partitions by now/);
      expect(logged).toEqual([
        expect.stringMatching(
          /^no partition of queue q is worked on here any more, .*set PARTITIONS=3 and restart/,
        ),
      ]);
    }
    await pass(TTL_MS);
    expect(slow.ends).toEqual(['expired']);
    asked.length = 0;
    await pass(10 * TTL_MS);
    expect(asked).toEqual([]);
    expect([quick.logged.length, slow.logged.length]).toEqual([1, 2]);
    await Promise.all([quick.holder.stop(), slow.holder.stop()]);
  });

  it('stops before it has started, and twice', async () => {
    const coordinator = coordinatorOf(1);
    const holder = new Holder({
      coordinator,
      owner: 'a',
      most: 1,
      logger: SILENT,
      onGain: () => {},
      onSurplus: (lease) => void lease.release(),
    });
    await holder.stop();
    holder.start();
    await pass(1_000);
    expect(holder.leases).toEqual([]);
    const a = pod(coordinator, 'a');
    await pass(10);
    await Promise.all([a.holder.stop(), a.holder.stop()]);
    expect(a.ends).toEqual(['released']);
    expect((await coordinator.look()).free).toHaveLength(1);
  });
});
