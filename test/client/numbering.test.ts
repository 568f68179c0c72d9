import { describe, expect, it } from 'vitest';
import { Numbering } from '../../src/client/numbering.ts';
import type { QueueLook } from '../../src/client/queue-look.ts';
import { MillraceError } from '../../src/errors.ts';
import { SILENT } from '../../src/logger.ts';
import { type Ask, type Coordinator, numbersLost } from '../../src/partitions/coordinator.ts';
import { MemoryCoordinator } from '../../src/partitions/memory-coordinator.ts';
import type { Position } from '../../src/partitions/stamp.ts';
import { turns } from '../connection/ask.ts';

const away = (): MillraceError => new MillraceError('REDIS_UNAVAILABLE', 'Redis cannot be reached');

interface Options {
  /** Queues of Faktory in which jobs wait. */
  holding?: string[];
  look?: Partial<QueueLook>;
  /** Of each question for numbers: waits, or throws. */
  before?: (asks: readonly Ask[]) => Promise<void> | void;
  /** How many epochs later its numbers are. */
  epochs?: () => number;
}

/** A numbering over a coordinator in memory, and what it was asked. */
function numberingOf({ holding = [], look = {}, before, epochs = () => 0 }: Options = {}) {
  const asked: (readonly Ask[])[] = [];
  const looked: (readonly string[])[] = [];
  const warnings: string[] = [];
  const memory = new MemoryCoordinator({ queue: 'q', partitions: 4, ttlMs: 30_000 });
  const coordinator: Coordinator = Object.assign(Object.create(memory) as Coordinator, {
    async numbers(asks: readonly Ask[]) {
      asked.push(asks);
      await before?.(asks);
      const given = await MemoryCoordinator.prototype.numbers.call(memory, asks);
      return given.map((each) => ({ ...each, epoch: each.epoch + epochs() }));
    },
    agree: (options?: { untouched?: boolean }) => (memory as Coordinator).agree(options),
    status: () => memory.status(),
    begin: (some: readonly number[]) => memory.begin(some),
    declareVoid: memory.declareVoid.bind(memory),
  });
  Object.defineProperties(coordinator, { queue: { value: 'q' }, partitions: { value: 4 } });
  const numbering = new Numbering({
    coordinator,
    look: {
      knowsNone: async () => true,
      async holding(queues) {
        looked.push(queues);
        return new Set(holding);
      },
      ...look,
    },
    logger: { ...SILENT, warn: (_fields: object, text?: string) => void warnings.push(String(text)) },
  });
  const add = (partition: number, isNumbered = true): Promise<Position | undefined> =>
    new Promise((onNumber, onFailed) => numbering.add({ partition, isNumbered, onNumber, onFailed }));
  return { numbering, memory, add, asked, looked, warnings };
}

const numbersOf = async (given: Promise<Position | undefined>[]): Promise<(number | undefined)[]> =>
  (await Promise.all(given)).map((position) => position?.number);

describe('numbers', () => {
  it('are asked for once a tick, for all partitions, and rise in the order of asking', async () => {
    const { add, asked, memory } = numberingOf();
    await memory.begin([0, 1, 2, 3]);
    const given = [0, 1, 0, 0, 2, 1].map((partition) => add(partition));
    expect(await numbersOf(given)).toEqual([1, 1, 2, 3, 1, 2]);
    expect(asked).toEqual([
      [
        { partition: 0, count: 3 },
        { partition: 1, count: 2 },
        { partition: 2, count: 1 },
      ],
    ]);
  });

  it('are asked for one question at a time; what comes meanwhile is in the next', async () => {
    let answer = (): void => {};
    const { add, asked, memory } = numberingOf({
      before: () => new Promise((resolve) => (answer = resolve)),
    });
    await memory.begin([0]);
    const given = [add(0)];
    await turns();
    given.push(add(0));
    await turns();
    given.push(add(0));
    await turns();
    expect(asked.map(([ask]) => ask!.count)).toEqual([1]);
    answer();
    await given[0];
    await turns();
    expect(asked.map(([ask]) => ask!.count)).toEqual([1, 2]);
    answer();
    expect(await numbersOf(given)).toEqual([1, 2, 3]);
  });

  it('begin where Faktory has no job of the partition, and only there', async () => {
    const { add, looked, warnings } = numberingOf({ holding: ['q.1', 'q'] });
    const [empty, waiting, unknown] = await Promise.allSettled([add(0), add(1), add(2)]);
    expect(empty).toMatchObject({ status: 'fulfilled', value: { number: 1 } });
    expect(waiting).toMatchObject({ status: 'rejected', reason: { code: 'PARTITION_NUMBERS_LOST' } });
    expect(unknown).toMatchObject({ status: 'fulfilled', value: { number: 1 } });
    expect(warnings).toEqual([expect.stringContaining('partition 1 of queue q')]);
    // One that is lost does not keep the others back, now or later, and is told once.
    const [again, next] = await Promise.allSettled([add(1), add(0)]);
    expect([again.status, next.status]).toEqual(['rejected', 'fulfilled']);
    expect(warnings).toHaveLength(1);
    expect(looked).toEqual([
      ['q.0', 'q.1', 'q.2'],
      ['q.1', 'q.0'],
    ]);
  });

  it('need no look at Faktory where they are there already', async () => {
    const { add, looked, memory } = numberingOf();
    await memory.begin([0]);
    await add(0);
    expect(looked).toEqual([]);
  });

  it('tell a coordinator that knows nothing of the queue whether Faktory does', async () => {
    for (const untouched of [true, false]) {
      const { add, memory } = numberingOf({ look: { knowsNone: async () => untouched } });
      const agreed: unknown[] = [];
      memory.status = async () => undefined as never;
      memory.agree = async (...options: unknown[]) => void agreed.push(...options);
      await Promise.all([add(0), add(1)]);
      await add(2);
      expect(agreed).toEqual([{ untouched }]);
    }
  });

  it('fail with what keeps Faktory from being asked, where they would have to begin', async () => {
    const { add } = numberingOf({
      look: { holding: () => Promise.reject(new MillraceError('FAKTORY_UNREACHABLE')) },
    });
    await expect(add(0)).rejects.toMatchObject({ code: 'FAKTORY_UNREACHABLE' });
  });

  it('are asked for a second time when Redis failed, and then not', async () => {
    const failures: MillraceError[] = [away()];
    const { add, asked, memory } = numberingOf({
      before: () => {
        const failure = failures.shift();
        if (failure !== undefined) throw failure;
      },
    });
    await memory.begin([0]);
    expect(await add(0)).toMatchObject({ number: 1 });
    expect(asked).toHaveLength(2);
    failures.push(away(), away());
    const both = await Promise.allSettled([add(0), add(0)]);
    expect(both.map((each) => each.status === 'rejected' && each.reason.code)).toEqual([
      'REDIS_UNAVAILABLE',
      'REDIS_UNAVAILABLE',
    ]);
    expect(await add(0)).toMatchObject({ number: 2 });
  });

  it('are not given to jobs that need none', async () => {
    const { add, asked, memory } = numberingOf();
    await memory.begin([0]);
    expect(await numbersOf([add(0, false), add(0), add(0, false)])).toEqual([undefined, 1, undefined]);
    expect(await add(1, false)).toBeUndefined();
    expect(asked).toEqual([[{ partition: 0, count: 1 }], []]);
    // Nor do they fail where others get none.
    const lost = numberingOf({ holding: ['q.1'] });
    const [numbered, unnumbered] = await Promise.allSettled([lost.add(1), lost.add(1, false)]);
    expect([numbered.status, unnumbered.status]).toEqual(['rejected', 'fulfilled']);
  });

  it('are asked for even by jobs that need none: not while the queue is drained', async () => {
    const { add, memory } = numberingOf();
    await memory.begin([0]);
    await memory.drain(true);
    await expect(add(0, false)).rejects.toMatchObject({ code: 'PARTITION_LAYOUT' });
    await memory.drain(false);
    expect(await add(0, false)).toBeUndefined();
  });

  it('that were there and have begun anew are told of: never renumbered without a word', async () => {
    let isLost = false;
    let emptied = 0;
    const before = (): void => {
      if (!isLost) return;
      isLost = false;
      emptied += 1;
      throw numbersLost('q', 1);
    };
    const { add, warnings } = numberingOf({ before, epochs: () => emptied });
    // Not those that had none.
    const [first] = await Promise.all([add(1), add(2)]);
    expect(warnings).toEqual([]);
    isLost = true;
    expect((await add(1))!.epoch).toBe(first!.epoch + 1);
    expect(warnings).toEqual([expect.stringContaining('Redis was emptied: the numbers of q.1 were gone')]);
    await Promise.all([add(1), add(3)]);
    expect(warnings).toHaveLength(1);
  });

  it('are told void once for those that lie together', async () => {
    const { numbering, memory } = numberingOf();
    for (const number of [3, 5, 4, 9]) numbering.declareVoid(2, { epoch: 7, number });
    numbering.declareVoid(1, { epoch: 7, number: 4 });
    numbering.tellVoids();
    expect(await memory.voids(2)).toEqual(
      new Map([
        [
          7,
          [
            [3, 5],
            [9, 9],
          ],
        ],
      ]),
    );
    expect(await memory.voids(1)).toEqual(new Map([[7, [[4, 4]]]]));
  });

  it('go to the others, too, when a caller throws', async () => {
    const { numbering, add, memory } = numberingOf();
    await memory.begin([0]);
    numbering.add({
      partition: 0,
      isNumbered: true,
      onNumber() {
        throw new Error('mine');
      },
      onFailed() {},
    });
    expect(await add(0)).toMatchObject({ number: 2 });
    expect(await add(0)).toMatchObject({ number: 3 });
  });
});
