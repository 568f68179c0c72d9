import { describe, expect, it } from 'vitest';
import { lookAfterMs, planOwnership } from '../../src/partitions/ownership.ts';
import { below, seeded } from './seeded.ts';

interface Pod {
  owner: string;
  most: number;
  held: number[];
}

/** One look of each, in some order; a partition that is given up is free at once. Returns how many moved. */
function round(pods: Pod[], partitions: number, random: () => number): number {
  let moved = 0;
  for (const pod of [...pods].sort(() => random() - 0.5)) {
    const taken = new Set(pods.flatMap(({ held }) => held));
    const free = Array.from({ length: partitions }, (_, i) => i).filter((each) => !taken.has(each));
    const plan = planOwnership(
      {
        owner: pod.owner,
        most: pod.most,
        held: pod.held,
        partitions,
        survey: {
          members: pods.map(({ owner, most, held }) => ({ owner, most, count: held.length })),
          free: free.map((partition) => ({ partition, forMs: 0 })),
          nextLapseMs: undefined,
          calmMs: 0,
        },
      },
      random,
    );
    for (const partition of plan.acquire) expect(free).toContain(partition);
    pod.held = [...pod.held.filter((each) => !plan.giveUp.includes(each)), ...plan.acquire];
    moved += plan.giveUp.length + plan.acquire.length;
    expect(pod.held.length).toBeLessThanOrEqual(pod.most);
  }
  return moved;
}

const pods = (count: number, most: number): Pod[] =>
  Array.from({ length: count }, (_, i) => ({ owner: `pod ${i}`, most, held: [] }));
const counts = (all: Pod[]): number[] => all.map(({ held }) => held.length).sort((a, b) => b - a);

function settle(all: Pod[], partitions: number, random: () => number): number {
  let moved = 0;
  for (let i = 0; i < 30; i += 1) {
    const now = round(all, partitions, random);
    moved += now;
    if (now === 0 && i > 2) return moved;
  }
  throw new Error(`they never come to rest: ${counts(all)}`);
}

describe('who has which partitions', () => {
  it.each([
    [16, 8, 2, [2, 2, 2, 2, 2, 2, 2, 2]],
    [10, 3, 4, [4, 3, 3]],
    [4, 3, 4, [2, 1, 1]],
    [16, 2, 4, [4, 4]],
    [2, 4, 4, [1, 1, 0, 0]],
    [64, 1, 64, [64]],
  ])('%i partitions, %i pods of at most %i: %j', (partitions, count, most, expected) => {
    const all = pods(count, most);
    settle(all, partitions, seeded(1));
    expect(counts(all)).toEqual(expected);
  });

  it('a pod that joins gets its share, and no more moves than that', () => {
    const all = pods(2, 16);
    settle(all, 16, seeded(1));
    all.push({ owner: 'new', most: 16, held: [] });
    const moved = settle(all, 16, seeded(2));
    expect(counts(all)).toEqual([6, 5, 5]);
    // Each of the five is given up once and taken once.
    expect(moved).toBe(10);
  });

  it('what a dead pod had goes to the others, past an even share if some have no room', () => {
    const all = [...pods(2, 12), { owner: 'small', most: 1, held: [] }];
    settle(all, 12, seeded(3));
    const [first, second, small] = counts(all);
    expect([first! + second!, small]).toEqual([11, 1]);
    expect(second).toBeGreaterThanOrEqual(4);
    settle(all.slice(1), 12, seeded(4));
    expect(counts(all.slice(1))).toEqual([11, 1]);
  });

  it('nobody gives up what another can take elsewhere', () => {
    const survey = {
      members: [{ owner: 'new', count: 0, most: 4 }],
      free: [5, 6].map((partition) => ({ partition, forMs: 0 })),
      nextLapseMs: undefined,
      calmMs: 0,
    };
    const view = {
      owner: 'a',
      most: 4,
      held: [0, 1, 2, 3],
      partitions: 6,
      freeBefore: new Set<number>(),
      survey,
    };
    // The new one lacks three, two of which are free.
    expect(planOwnership(view)).toEqual({ acquire: [], giveUp: [3] });
  });

  it('nobody takes anything while it is forbidden', () => {
    const view = { owner: 'a', most: 4, held: [], partitions: 2 };
    const survey = { members: [], free: [{ partition: 0, forMs: 1 }], nextLapseMs: undefined };
    expect(planOwnership({ ...view, survey: { ...survey, calmMs: 1 } }).acquire).toEqual([]);
    expect(planOwnership({ ...view, survey: { ...survey, calmMs: 0 } }).acquire).toEqual([0]);
  });

  it.each(Array.from({ length: 30 }, (_, i) => i + 1))('pods that come and go, seed %i', (seed) => {
    const random = seeded(seed);
    const partitions = 1 + below(random, 40);
    let all = pods(1 + below(random, 6), 1 + below(random, 10));
    for (let change = 0; change < 6; change += 1) {
      settle(all, partitions, random);
      const room = all.reduce((sum, { most }) => sum + most, 0);
      const owned = all.flatMap(({ held }) => held);
      expect(owned.length, 'all that can be owned are').toBe(Math.min(partitions, room));
      expect(new Set(owned).size, 'each once').toBe(owned.length);
      const smaller = Math.floor(partitions / all.length);
      for (const { held, most } of all)
        expect(held.length, 'nobody has less than a share').toBeGreaterThanOrEqual(Math.min(most, smaller));
      if (random() < 0.5 && all.length > 1) all = all.slice(1);
      else all.push({ owner: `late ${change}`, most: 1 + below(random, 10), held: [] });
    }
  });
});

describe('when to look', () => {
  const members = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ owner: `${i}`, count: 1, most: 1 }));

  it('is about a second, or soon after a lease may lapse', () => {
    expect(lookAfterMs({ members: members(3), nextLapseMs: 20_000 }, 30_000, 1)).toBe(1_000);
    expect(lookAfterMs({ members: members(3), nextLapseMs: 20_000 }, 30_000, 0)).toBe(750);
    expect(lookAfterMs({ members: members(3), nextLapseMs: 400 }, 30_000, 0)).toBe(420);
    expect(lookAfterMs({ members: members(3), nextLapseMs: 400 }, 30_000, 1)).toBe(620);
    expect(lookAfterMs({ members: members(3), nextLapseMs: undefined }, 1_500, 1)).toBe(500);
  });

  it('is sooner while there is something free to take, if the others leave it', () => {
    const survey = { members: members(3), nextLapseMs: 20_000 };
    expect(lookAfterMs(survey, 30_000, 1, true)).toBe(300);
    expect(lookAfterMs(survey, 30_000, 0, true)).toBe(225);
  });

  it('is less often where many look', () => {
    expect(lookAfterMs({ members: members(200), nextLapseMs: undefined }, 30_000, 1)).toBe(4_000);
    expect(lookAfterMs({ members: members(4_000), nextLapseMs: undefined }, 30_000, 1)).toBe(10_000);
  });
});
