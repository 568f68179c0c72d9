import { describe, expect, it } from 'vitest';
import { Stillness, skippable, standingOf } from '../../src/cli/partitions-left.ts';
import type { CoordinatorStatus, PartitionStatus } from '../../src/partitions/coordinator.ts';

const done: PartitionStatus = {
  partition: 0,
  owner: undefined,
  fence: undefined,
  leftMs: undefined,
  ownerlessMs: 1,
  place: { epoch: 1, first: 1, next: 5, open: [] },
  last: 4,
  undone: 0,
};
const lost = { place: undefined, last: undefined, undone: undefined };

function standing(
  each: readonly Partial<PartitionStatus>[],
  { holding = [], ...status }: Partial<CoordinatorStatus> & { holding?: string[] } = {},
) {
  const all = each.map((one, partition) => ({ ...done, partition, ...one }));
  return standingOf(
    'q',
    { partitions: all.length, members: [], calmMs: 0, drainingMs: 1, ...status, each: all },
    new Set(holding),
  );
}

describe('what a drain waits for', () => {
  it('is nothing where all numbers are done and nothing waits in Faktory', () => {
    expect(standing([{}, { owner: 'a' }, lost]).left).toEqual([]);
  });

  it('is a number that is not done, a job in a queue, and an owner that may hold jobs without numbers', () => {
    const { left } = standing([{ undone: 3 }, {}, {}, { ...lost, owner: 'a' }, {}], {
      holding: ['q.2', 'q.44', 'q'],
    });
    expect(left).toEqual([
      { partition: 0, next: 5, undone: 3, holds: false, isOwned: false },
      { partition: 2, next: 5, undone: 0, holds: true, isOwned: false },
      { partition: 3, next: undefined, undone: undefined, holds: false, isOwned: true },
    ]);
  });

  it('is no number that was gone on without; how many those are is told', () => {
    const open = [
      [1, 2],
      [4, 4],
    ] as const;
    expect(standing([{ place: { ...done.place!, open } }])).toMatchObject({ left: [], open: 3 });
  });
});

describe('what may be gone on without', () => {
  it('is what is missing where no worker is there to hold it, and nothing waits', () => {
    const each = [{ undone: 1 }, { undone: 1 }, { undone: 1, owner: 'a' }, {}, lost];
    const holding = ['q.1', 'q.4'];
    expect(skippable(standing(each, { holding }))).toEqual([0]);
    expect(skippable(standing(each, { holding, members: [{ owner: 'b', count: 0, most: 1 }] }))).toEqual([]);
    expect(skippable(standing(each, { holding, calmMs: 1 }))).toEqual([]);
  });
});

describe('stillness', () => {
  it('counts from when something changed last', () => {
    const still = new Stillness();
    const two = standing([{ undone: 2 }]);
    expect([still.note(two, 100), still.note(two, 900)]).toEqual([0, 800]);
    expect(still.note(standing([{ undone: 2, owner: 'a' }]), 1_000)).toBe(0);
    expect(still.note(standing([{ undone: 2, owner: 'a' }], { calmMs: 5 }), 1_500)).toBe(500);
  });
});
