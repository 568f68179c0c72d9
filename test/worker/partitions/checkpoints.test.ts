import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../../src/errors.ts';
import { SILENT } from '../../../src/logger.ts';
import type { Place } from '../../../src/partitions/coordinator.ts';
import { HeldJob } from '../../../src/worker/held-job.ts';
import { Checkpoints } from '../../../src/worker/partitions/checkpoints.ts';
import { fixedLease } from '../../../src/worker/partitions/partition-lease.ts';
import { Pulse } from '../../../src/worker/partitions/pulse.ts';
import { until } from '../../helpers/until.ts';

interface Asked {
  readonly next: number;
  answer(stored: boolean | Error): void;
}

/** `next`: what the sequence says is due. */
function setUp(pulse = new Pulse()) {
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
    pulse,
    isNumbered: () => scene.isNumbered,
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
    await until(() => asked.length === 1);
    add(3, 'a');
    expect([asked[0]!.next, checkpoints.hasUnstored('a', undefined), stored]).toEqual([3, true, []]);
    asked[0]!.answer(true);
    await until(() => asked.length === 2);
    expect([asked[1]!.next, stored, checkpoints.hasUnstored('a', undefined)]).toEqual([4, ['1', '2'], true]);
    asked[1]!.answer(true);
    await until(() => checkpoints.waiting === 0);
    expect([stored, checkpoints.hasUnstored('a', undefined)]).toEqual([['1', '2', '3'], false]);
  });

  it('leave at once where a job waits, now and for what ends while one is on its way', async () => {
    const { asked, checkpoints, add } = setUp();
    add(1, 'a');
    checkpoints.hurry();
    expect(asked).toHaveLength(1);
    add(2, 'a');
    checkpoints.hurry();
    asked[0]!.answer(true);
    await Promise.resolve();
    await Promise.resolve();
    expect(asked).toHaveLength(2);
    asked[1]!.answer(true);
    await until(() => checkpoints.waiting === 0);
    add(3, 'a');
    expect(asked).toHaveLength(2);
    await until(() => asked.length === 3);
  });

  it('of several partitions leave together', async () => {
    const pulse = new Pulse();
    const scenes = [setUp(pulse), setUp(pulse)];
    for (const { add } of scenes) add(1);
    await until(() => scenes.some(({ asked }) => asked.length === 1));
    expect(scenes.map(({ asked }) => asked.length)).toEqual([1, 1]);
  });

  it('that Redis does not take are tried again; refused ones end it all', async () => {
    const { asked, stored, refused, checkpoints, add } = setUp();
    add(1);
    await until(() => asked.length === 1);
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
    await until(() => asked.length === 1);
    asked[0]!.answer(true);
    await until(() => asked.length === 1 && checkpoints.waiting === 1);
    expect(stored).toEqual([]);
    // A job waits for it: what ends next says so at once.
    checkpoints.hurry();
    add(1, 'a', 3);
    expect(asked).toHaveLength(2);
    asked[1]!.answer(true);
    await until(() => checkpoints.waiting === 0);
    expect(stored.sort()).toEqual(['1', '2']);
  });

  it('are waited for by what comes behind them only: what they wait for themselves has to begin', async () => {
    const { asked, checkpoints, add } = setUp();
    add(2, 'a', 1);
    const waits = (number: number): boolean => checkpoints.hasUnstored('a', { epoch: 5, number });
    expect([waits(1), waits(2), waits(3), checkpoints.hasUnstored('a', undefined)]).toEqual([
      false,
      false,
      true,
      true,
    ]);
    expect(checkpoints.hasUnstored('b', undefined)).toBe(false);
    add(1, 'a', 3);
    expect([waits(1), waits(2)]).toEqual([false, true]);
    await until(() => asked.length === 1);
    asked[0]!.answer(true);
    await until(() => checkpoints.waiting === 0);
    expect(waits(3)).toBe(false);
  });

  it('go on where the place has moved by itself, and only then', async () => {
    const { scene, asked, stored, checkpoints, add } = setUp();
    add(2, 'b', 1);
    await until(() => asked.length === 1);
    checkpoints.wake();
    asked[0]!.answer(true);
    await Promise.resolve();
    await Promise.resolve();
    // The same would be said once more.
    checkpoints.hurry();
    checkpoints.wake();
    expect(asked).toHaveLength(1);
    // The number before it is gone on without.
    scene.next = 3;
    checkpoints.wake();
    expect(asked).toHaveLength(2);
    asked[1]!.answer(true);
    await until(() => checkpoints.waiting === 0);
    expect(stored).toEqual(['2']);
    checkpoints.wake();
    expect(asked).toHaveLength(2);
  });

  it('gather up to a bound while they cannot be stored', () => {
    const { checkpoints, add } = setUp();
    for (let i = 1; i < 2_000; i += 1) add(i);
    expect(checkpoints.isFull).toBe(false);
    add(2_000);
    expect(checkpoints.isFull).toBe(true);
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
