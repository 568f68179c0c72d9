import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../../src/errors.ts';
import { SILENT } from '../../../src/logger.ts';
import type { Place } from '../../../src/partitions/coordinator.ts';
import { HeldJob } from '../../../src/worker/held-job.ts';
import { Checkpoints } from '../../../src/worker/partitions/checkpoints.ts';
import { fixedLease } from '../../../src/worker/partitions/partition-lease.ts';
import { until } from '../../helpers/until.ts';

interface Asked {
  readonly next: number;
  answer(stored: boolean | Error): void;
}

/** `next`: what the sequence says is due. */
function setUp() {
  const asked: Asked[] = [];
  const stored: string[] = [];
  const refused: string[] = [];
  const scene = { next: 1, lives: true, isNumbered: true };
  const lease = {
    ...fixedLease(0, () => {}),
    get lives() {
      return scene.lives;
    },
    checkpoint: ({ next }: Place) =>
      new Promise<boolean>((resolve, reject) => {
        asked.push({ next, answer: (is) => (is instanceof Error ? reject(is) : resolve(is)) });
      }),
  };
  const checkpoints = new Checkpoints({
    lease,
    logger: SILENT,
    place: () => (scene.isNumbered ? { epoch: 5, first: 1, next: scene.next, open: [] } : undefined),
    onStored: ({ jobs }) => stored.push(...jobs.map(({ job }) => job.jid)),
    onRefused: ({ jobs }) => refused.push(...jobs.map(({ job }) => job.jid)),
  });
  const add = (number: number, key = 'k', next = number + 1): void => {
    const job = { jid: `${number}`, jobtype: 'run', queue: 'q.0', args: [] };
    scene.next = next;
    const lease = { startSteady: 0, startWall: 0, reserveMs: 60_000 };
    checkpoints.add({ at: { epoch: 5, number }, key, jobs: [new HeldJob(job, lease, 0)] });
  };
  return { scene, asked, stored, refused, checkpoints, add };
}

describe('checkpoints', () => {
  it('speak for all that ended before they left, one at a time', async () => {
    const { asked, stored, checkpoints, add } = setUp();
    add(1, 'a');
    add(2, 'b');
    add(3, 'a');
    expect([asked.map(({ next }) => next), checkpoints.hasUnstored('a'), stored]).toEqual([[2], true, []]);
    asked[0]!.answer(true);
    await until(() => asked.length === 2);
    expect([asked[1]!.next, stored, checkpoints.hasUnstored('a')]).toEqual([4, ['1'], true]);
    asked[1]!.answer(true);
    await until(() => checkpoints.waiting === 0);
    expect([stored, checkpoints.hasUnstored('a')]).toEqual([['1', '2', '3'], false]);
  });

  it('that Redis does not take are tried again; refused ones end it all', async () => {
    const { asked, stored, refused, checkpoints, add } = setUp();
    add(1);
    asked[0]!.answer(new MillraceError('REDIS_UNAVAILABLE'));
    await until(() => asked.length === 2);
    add(2);
    asked[1]!.answer(false);
    await until(() => checkpoints.waiting === 0);
    expect([stored, refused]).toEqual([[], ['1', '2']]);
  });

  it('cover no job whose number comes after one that still runs', async () => {
    const { asked, stored, checkpoints, add } = setUp();
    add(2, 'b', 1);
    asked[0]!.answer(true);
    await until(() => asked.length === 1 && checkpoints.waiting === 1);
    expect(stored).toEqual([]);
    add(1, 'a', 3);
    await until(() => asked.length === 2);
    asked[1]!.answer(true);
    await until(() => checkpoints.waiting === 0);
    expect(stored.sort()).toEqual(['1', '2']);
  });

  it('are not asked for where nothing is numbered: the lease alone counts', () => {
    const { scene, asked, stored, refused, add } = setUp();
    scene.isNumbered = false;
    add(1);
    scene.lives = false;
    add(2);
    expect([asked, stored, refused]).toEqual([[], ['1'], ['2']]);
  });
});
