/** What every coordinator must do. Run against each: memory-coordinator.test.ts, test/system/partitions.test.ts. */
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Coordinator, Lease, Place } from '../../src/partitions/coordinator.ts';
import { parseRanges } from '../../src/partitions/ranges.ts';
import { until } from '../helpers/until.ts';

export interface CoordinatorUnderTest {
  coordinator: Coordinator;
  /** Comes back when leases that were taken before have run out. */
  lapse(): Promise<unknown>;
}

/** Of a queue that no other test has; agreed upon already. */
export type OpenCoordinator = (options: {
  partitions: number;
  queue: string;
}) => Promise<CoordinatorUnderTest>;

const lease = ({ partition, owner, fence }: Lease): Lease => ({ partition, owner, fence });
const placeAt = (next: number, epoch: number, open = ''): Place => ({
  epoch,
  first: 1,
  next,
  open: parseRanges(open),
});

export function coordinatorCases(openAny: OpenCoordinator): void {
  const open = (partitions = 4) => openAny({ partitions, queue: `q-${randomUUID()}` });

  it('has no numbers before they are begun, and says which are missing', async () => {
    const { coordinator } = await open();
    await expect(coordinator.numbers([{ partition: 2, count: 1 }])).rejects.toMatchObject({
      code: 'PARTITION_NUMBERS_LOST',
      message: expect.stringContaining(`partition 2 of queue ${coordinator.queue}`),
    });
    await coordinator.begin([2]);
    await expect(
      coordinator.numbers([
        { partition: 2, count: 1 },
        { partition: 3, count: 1 },
      ]),
    ).rejects.toMatchObject({ message: expect.stringContaining('partition 3 of queue') });
    // All or none.
    expect(await coordinator.numbers([{ partition: 2, count: 1 }])).toMatchObject([{ first: 1 }]);
  });

  it('gives each number once, in a row, to many who ask at the same time', async () => {
    const { coordinator } = await open();
    await coordinator.begin([0, 1]);
    const given = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        coordinator.numbers([
          { partition: 0, count: (i % 3) + 1 },
          { partition: 1, count: 1 },
        ]),
      ),
    );
    for (const partition of [0, 1]) {
      const mine = given.flat().filter((each) => each.partition === partition);
      expect(new Set(mine.map(({ epoch }) => epoch)).size).toBe(1);
      const all = mine.flatMap(({ first, count }) => Array.from({ length: count }, (_, i) => first + i));
      expect(all.sort((a, b) => a - b)).toEqual(all.map((_, i) => i + 1));
    }
  });

  it('begins numbers once', async () => {
    const { coordinator } = await open();
    await coordinator.begin([0]);
    const [one] = await coordinator.numbers([{ partition: 0, count: 5 }]);
    await coordinator.begin([0, 1]);
    expect(await coordinator.numbers([{ partition: 0, count: 1 }])).toEqual([
      { ...one!, first: 6, count: 1 },
    ]);
    expect(await coordinator.epochs(0)).toEqual([{ epoch: one!.epoch, first: 1 }]);
  });

  it('tells the owner of void numbers, until they are passed', async () => {
    const { coordinator } = await open();
    await coordinator.begin([0]);
    const { epoch } = (await coordinator.numbers([{ partition: 0, count: 20 }]))[0]!;
    coordinator.declareVoid(0, epoch, [3, 5]);
    coordinator.declareVoid(0, epoch, [9, 9]);
    await until(async () => (await coordinator.voids(0)).get(epoch)?.length === 2, {
      what: 'two void ranges',
    });
    expect((await coordinator.voids(0)).get(epoch)).toEqual([
      [3, 5],
      [9, 9],
    ]);
    expect((await coordinator.voids(1)).size).toBe(0);
    const got = (await coordinator.acquire(0, 'a'))!;
    await coordinator.checkpoint(got, placeAt(6, epoch));
    expect((await coordinator.voids(0)).get(epoch)).toEqual([[9, 9]]);
  });

  it('gives a partition to one of many, with its place and a fence', async () => {
    const { coordinator } = await open();
    await coordinator.begin([0]);
    const got = await Promise.all(Array.from({ length: 20 }, (_, i) => coordinator.acquire(0, `owner ${i}`)));
    const [one, ...more] = got.filter((each) => each !== undefined);
    expect(more).toEqual([]);
    const epochs = await coordinator.epochs(0);
    expect(one).toEqual({
      partition: 0,
      owner: expect.stringMatching(/^owner /),
      fence: expect.any(Number),
      place: { ...epochs[0]!, next: 1, open: [] },
      epochs,
      predecessor: undefined,
    });
  });

  it('gives one without numbers, too, and says so', async () => {
    const { coordinator } = await open();
    expect(await coordinator.acquire(3, 'a')).toMatchObject({ partition: 3, place: undefined, epochs: [] });
  });

  it('raises the fence with each owner', async () => {
    const { coordinator } = await open();
    const fences: number[] = [];
    for (const owner of ['a', 'b', 'a', 'a']) {
      const got = (await coordinator.acquire(0, owner))!;
      fences.push(got.fence);
      expect(await coordinator.release(got)).toBe(true);
      expect(await coordinator.release(got)).toBe(false);
    }
    expect(fences).toEqual([...new Set(fences)].sort((a, b) => a - b));
  });

  it('has an owner that lapsed replaced, whose checkpoint is then refused', async () => {
    const { coordinator, lapse } = await open();
    await coordinator.begin([0]);
    const { epoch } = (await coordinator.epochs(0))[0]!;
    const old = (await coordinator.acquire(0, 'old'))!;
    expect(await coordinator.renew('old', [{ ...lease(old), note: 'wake 07' }])).toEqual([true]);
    expect(await coordinator.checkpoint(old, placeAt(3, epoch, '1'))).toBe('stored');
    expect(await coordinator.acquire(0, 'new')).toBeUndefined();
    await lapse();
    const next = (await coordinator.acquire(0, 'new'))!;
    expect(next).toMatchObject({
      place: placeAt(3, epoch, '1'),
      predecessor: { owner: 'old', note: 'wake 07' },
    });
    expect(next.fence).toBeGreaterThan(old.fence);
    expect(await coordinator.checkpoint(old, placeAt(4, epoch))).toBe('fenced');
    expect(await coordinator.renew('old', [{ ...lease(old), note: '' }])).toEqual([false]);
    expect(await coordinator.release(old)).toBe(false);
    expect(await coordinator.checkpoint(next, placeAt(5, epoch))).toBe('stored');
    expect((await coordinator.status())!.each[0]).toMatchObject({
      owner: 'new',
      fence: next.fence,
      place: placeAt(5, epoch),
    });
  });

  it('takes the checkpoint of an owner that lapsed while nobody has replaced it', async () => {
    const { coordinator, lapse } = await open();
    await coordinator.begin([0]);
    const got = (await coordinator.acquire(0, 'a'))!;
    await lapse();
    expect(await coordinator.checkpoint(got, { ...got.place!, next: 2 })).toBe('stored');
    expect(await coordinator.acquire(0, 'b')).toMatchObject({ place: { next: 2 } });
  });

  it('never goes back to a checkpoint that came late', async () => {
    const { coordinator } = await open();
    await coordinator.begin([0]);
    const got = (await coordinator.acquire(0, 'a'))!;
    const { epoch } = got.place!;
    await coordinator.checkpoint(got, placeAt(5, epoch));
    expect(await coordinator.checkpoint(got, placeAt(4, epoch))).toBe('stored');
    expect(await coordinator.checkpoint(got, placeAt(9, epoch - 1))).toBe('stored');
    expect((await coordinator.status())!.each[0]!.place).toEqual(placeAt(5, epoch));
    // The same number again, once a late job is done.
    await coordinator.checkpoint(got, placeAt(5, epoch, '2'));
    // A later epoch may begin with a lower number.
    await coordinator.checkpoint(got, placeAt(3, epoch + 1));
    expect((await coordinator.status())!.each[0]!.place).toEqual(placeAt(3, epoch + 1));
  });

  it('keeps a lease that is renewed, and only that', async () => {
    const { coordinator, lapse } = await open(2);
    const kept = (await coordinator.acquire(0, 'a'))!;
    const lost = (await coordinator.acquire(1, 'a'))!;
    await lapse();
    await coordinator.acquire(1, 'b');
    expect(
      await coordinator.renew('a', [
        { ...lease(kept), note: '' },
        { ...lease(lost), note: '' },
      ]),
    ).toEqual([true, false]);
    expect(await coordinator.acquire(0, 'b')).toBeUndefined();
  });

  it('leaves no note of an owner that released', async () => {
    const { coordinator } = await open();
    const got = (await coordinator.acquire(0, 'a'))!;
    await coordinator.renew('a', [{ ...lease(got), note: 'wake 07' }]);
    await coordinator.release(got);
    expect(await coordinator.acquire(0, 'b')).toMatchObject({ predecessor: undefined });
  });

  it('shows what is free and who is there', async () => {
    const { coordinator, lapse } = await open(3);
    await coordinator.acquire(1, 'a');
    const seen = await coordinator.look({ owner: 'a', count: 1, most: 4 });
    expect(seen).toMatchObject({ members: [{ owner: 'a', count: 1, most: 4 }], calmMs: 0 });
    expect(seen.free.map(({ partition }) => partition).sort()).toEqual([0, 2]);
    expect(seen.nextLapseMs).toBeGreaterThan(0);
    expect(seen.nextLapseMs).toBeLessThanOrEqual(coordinator.ttlMs);
    await coordinator.look({ owner: 'b', count: 0, most: 2 });
    const two = await coordinator.look();
    expect(two.members.map(({ owner }) => owner).sort()).toEqual(['a', 'b']);
    await coordinator.leave('b');
    expect((await coordinator.look()).members).toHaveLength(1);
    await lapse();
    await until(async () => (await coordinator.look()).members.length === 0, {
      what: 'members that are gone',
    });
    const none = await coordinator.look();
    expect(none.free.map(({ partition }) => partition).sort()).toEqual([0, 1, 2]);
    expect(none.free.every(({ forMs }) => forMs >= 0)).toBe(true);
    expect(none.nextLapseMs).toBeUndefined();
  });

  it('says how each partition is', async () => {
    const { coordinator } = await open(2);
    await coordinator.begin([0]);
    await coordinator.numbers([{ partition: 0, count: 7 }]);
    const got = (await coordinator.acquire(0, 'a'))!;
    await coordinator.look({ owner: 'a', count: 1, most: 4 });
    expect(await coordinator.status()).toEqual({
      partitions: 2,
      members: [{ owner: 'a', count: 1, most: 4 }],
      calmMs: 0,
      each: [
        {
          partition: 0,
          owner: 'a',
          fence: got.fence,
          leftMs: expect.any(Number),
          ownerlessMs: undefined,
          place: got.place,
          last: 7,
          undone: 7,
        },
        {
          partition: 1,
          owner: undefined,
          fence: undefined,
          leftMs: undefined,
          ownerlessMs: expect.any(Number),
          place: undefined,
          last: undefined,
          undone: undefined,
        },
      ],
      drainingMs: undefined,
    });
  });

  it('counts what is not done, and nobody waits for: void numbers are not', async () => {
    const { coordinator } = await open(1);
    const undone = async () => (await coordinator.status())!.each[0]!.undone;
    await coordinator.begin([0]);
    expect(await undone()).toBe(0);
    const { epoch } = (await coordinator.numbers([{ partition: 0, count: 10 }]))[0]!;
    expect(await undone()).toBe(10);
    coordinator.declareVoid(0, epoch, [2, 3]);
    coordinator.declareVoid(0, epoch, [8, 10]);
    await until(async () => (await undone()) === 5, { what: 'five that are not done' });
    const got = (await coordinator.acquire(0, 'a'))!;
    await coordinator.checkpoint(got, placeAt(3, epoch));
    expect(await undone()).toBe(4);
    await coordinator.checkpoint(got, placeAt(8, epoch, '5'));
    expect(await undone()).toBe(0);
  });

  describe('while it is drained', () => {
    const refused = (queue: string) => ({
      code: 'PARTITION_LAYOUT',
      message: expect.stringMatching(
        new RegExp(`^queue ${queue} is being drained: .*millrace partitions drain --cancel --queue ${queue}`),
      ),
    });

    it('gives no numbers, and owners go on; taken back, it gives them as if nothing had been', async () => {
      const { coordinator } = await open(2);
      const ask = () => coordinator.numbers([{ partition: 0, count: 1 }]);
      await coordinator.begin([0, 1]);
      const { epoch } = (await ask())[0]!;
      expect([await coordinator.drain(true), await coordinator.drain(true)]).toEqual([true, true]);
      await expect(ask()).rejects.toMatchObject(refused(coordinator.queue));
      await coordinator.agree();
      await expect(ask()).rejects.toMatchObject(refused(coordinator.queue));
      expect((await coordinator.status())!.drainingMs).toBeGreaterThanOrEqual(0);

      const got = (await coordinator.acquire(0, 'a'))!;
      await coordinator.look({ owner: 'a', count: 1, most: 2 });
      expect(await coordinator.renew('a', [{ ...got, note: '' }])).toEqual([true]);
      expect(await coordinator.checkpoint(got, placeAt(2, epoch))).toBe('stored');
      expect((await coordinator.status())!.each.map(({ undone }) => undone)).toEqual([0, 0]);
      expect(await coordinator.release(got)).toBe(true);

      await coordinator.drain(false);
      expect((await coordinator.status())!.drainingMs).toBeUndefined();
      expect(await ask()).toEqual([{ partition: 0, count: 1, epoch, first: 2 }]);
    });

    it('leaves open what is missing, of partitions that nobody has; an owner from before says no more', async () => {
      const { coordinator, lapse } = await open(4);
      await coordinator.begin([0, 1, 2]);
      const { epoch } = (await coordinator.numbers([{ partition: 0, count: 6 }]))[0]!;
      await coordinator.numbers([{ partition: 1, count: 1 }]);
      const old = (await coordinator.acquire(0, 'old'))!;
      await coordinator.checkpoint(old, placeAt(4, epoch, '2'));
      await lapse();
      await coordinator.acquire(1, 'b');
      expect(await coordinator.skipMissing([0])).toEqual([false]);
      await coordinator.drain(true);
      // 1 has an owner, of 2 all is done, 3 has no numbers.
      expect(await coordinator.skipMissing([0, 1, 2, 3])).toEqual([true, false, false, false]);
      expect((await coordinator.status())!.each[0]).toMatchObject({ undone: 0, place: { next: 7 } });
      expect(await coordinator.checkpoint(old, placeAt(5, epoch))).toBe('fenced');
      const next = (await coordinator.acquire(0, 'new'))!;
      expect(next.fence).toBeGreaterThan(old.fence);
      const missing = [...(next.place?.open ?? [])].flatMap(([from, to]) =>
        Array.from({ length: to - from + 1 }, (_, i) => from + i),
      );
      expect([next.place?.next, missing]).toEqual([7, [2, 4, 5, 6]]);
    });
  });
}
