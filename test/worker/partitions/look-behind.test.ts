import { describe, expect, it } from 'vitest';
import { furthest, LookBehind } from '../../../src/worker/partitions/look-behind.ts';

const at = (number: number, epoch = 1) => ({ epoch, number });

/**
 * A queue whose number 1 comes at its end, or never: so many may be held, jobs come one a tick (ms), and are handed back
 * as a partition does it. Ends when the missing one is held, or when the time is over.
 */
function search({
  jobs,
  most,
  isThere,
  ticks,
}: {
  jobs: number;
  most: number;
  isThere: boolean;
  ticks: number;
}) {
  const queue = Array.from({ length: jobs - 1 }, (_, i) => i + 2);
  if (isThere) queue.push(1);
  const held = new Map<number, ReturnType<typeof at>>();
  const look = new LookBehind();
  let copies = 0;
  for (let now = 0; now < ticks; now += 1) {
    const number = held.size < most ? queue.shift() : undefined;
    if (number === 1) return { copies, now, held: [...held.keys()].sort((a, b) => a - b) };
    if (number !== undefined) {
      held.set(number, at(number));
      look.onCame(at(number), { now, gapMs: now, reserveMs: 60_000 });
    }
    if (held.size < most || !look.mayTurn(at(1), now)) continue;
    const chosen = furthest(held, most / 8).map(([each]) => each);
    look.onTurned(at(chosen[0]!), now);
    for (const each of chosen) held.delete(each);
    queue.push(...chosen);
    copies += chosen.length;
  }
  return { copies, now: ticks, held: [...held.keys()].sort((a, b) => a - b) };
}

describe('a search for a missing job', () => {
  it('goes through the queue once, with no more copies than there are jobs, and keeps those that are due first', () => {
    const { copies, now, held } = search({ jobs: 5_000, most: 400, isThere: true, ticks: 1_000_000 });
    expect(copies).toBeLessThanOrEqual(5_000);
    expect(now).toBeLessThan(6_000);
    expect(held.slice(0, 350)).toEqual(Array.from({ length: 350 }, (_, i) => i + 2));
  });

  it('rests after each time round, so that what never comes costs a few copies a job', () => {
    const { copies } = search({ jobs: 5_000, most: 400, isThere: false, ticks: 135_000 });
    expect(copies).toBeGreaterThan(3 * 4_600);
    expect(copies).toBeLessThan(8 * 5_000);
  });

  it('rests for longer each time, and for half a reservation at most', () => {
    const look = new LookBehind();
    look.mayTurn(at(1), 0);
    const rests = [1_000, 20_000, 90_000].map((gapMs) => {
      look.onTurned(at(9), gapMs);
      look.onCame(at(9), { now: gapMs, gapMs, reserveMs: 60_000 });
      let now = gapMs;
      while (!look.mayTurn(at(1), now)) now += 1_000;
      return now - gapMs;
    });
    expect(rests).toEqual([10_000, 20_000, 30_000]);
  });

  it('begins at once for another number', () => {
    const look = new LookBehind();
    expect(look.mayTurn(at(1), 0)).toBe(true);
    look.onTurned(at(9), 0);
    expect(look.isLooking).toBe(true);
    look.onCame(at(8), { now: 1, gapMs: 1, reserveMs: 60_000 });
    expect(look.isLooking).toBe(true);
    look.onCame(at(9), { now: 1, gapMs: 1, reserveMs: 60_000 });
    expect([look.isLooking, look.mayTurn(at(1), 2)]).toEqual([false, false]);
    expect(look.mayTurn(at(5), 2)).toBe(true);
  });

  it('ends a round after a reservation, should the first that was handed back never come', () => {
    const look = new LookBehind();
    look.mayTurn(at(1), 0);
    look.onTurned(at(9), 0);
    look.onCame(at(3), { now: 60_000, gapMs: 60_000, reserveMs: 60_000 });
    expect(look.mayTurn(at(1), 60_001)).toBe(false);
  });
});

describe('the furthest of those that wait', () => {
  it('are the last ones, nearest first; those without a number are none', () => {
    const waiting: [string, ReturnType<typeof at> | undefined][] = [
      ['next epoch', at(1, 2)],
      ['no number', undefined],
      ['far', at(30)],
      ['near', at(2)],
      ['middle', at(7)],
    ];
    expect(furthest(waiting, 2).map(([name]) => name)).toEqual(['far', 'next epoch']);
    expect(furthest(waiting, 0)).toEqual([]);
  });
});
