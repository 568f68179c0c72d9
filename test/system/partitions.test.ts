/** What partitions keep in Redis, with a redis-server: the same cases as in memory, and what becomes of it when Redis dies, stalls or forgets. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SILENT } from '../../src/logger.ts';
import { RedisCoordinator } from '../../src/partitions/redis-coordinator.ts';
import { NUMBERS, SETTLE } from '../../src/partitions/redis-scripts.ts';
import { parseRedisUrl, RedisLink } from '../../src/redis.ts';
import { describeWithRedis } from '../helpers/describe-with-redis.ts';
import { type RedisServer, startRedis } from '../helpers/redis-server.ts';
import { until } from '../helpers/until.ts';
import { coordinatorCases } from '../partitions/coordinator-cases.ts';

let redis: RedisServer;
const opened: { close(): void }[] = [];

interface OpenOptions {
  partitions?: number;
  queue?: string;
  ttlMs?: number;
}

function open({ partitions = 2, queue = `q-${randomUUID()}`, ttlMs = 30_000 }: OpenOptions = {}) {
  const link = new RedisLink({ address: parseRedisUrl(redis.url), logger: SILENT });
  const coordinator = new RedisCoordinator({ queue, partitions, ttlMs, link, logger: SILENT });
  opened.push(link, coordinator);
  return { coordinator, link };
}

/** Until Redis answers again. */
const untilBack = ({ coordinator }: ReturnType<typeof open>) =>
  until(
    () =>
      coordinator.status().then(
        () => true,
        () => false,
      ),
    { what: 'a Redis that is back' },
  );

describeWithRedis('partitions in Redis', () => {
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterEach(() => {
    for (const each of opened.splice(0)) each.close();
  });
  afterAll(async () => {
    await redis[Symbol.asyncDispose]();
  });

  describe('the coordinator', () => {
    coordinatorCases(async ({ partitions, queue }) => {
      // Long enough for a case, short enough to wait for.
      const { coordinator } = open({ partitions, queue, ttlMs: 1_000 });
      await coordinator.agree({ untouched: true });
      const lapse = () =>
        until(async () => (await coordinator.look()).nextLapseMs === undefined, {
          what: 'leases that have run out',
        });
      return { coordinator, lapse };
    });
  });

  describe('the layout', () => {
    it('is one for all, and said where it is another', async () => {
      const { coordinator } = open({ partitions: 4, queue: 'layout' });
      await coordinator.agree({ untouched: true });
      await coordinator.agree();
      await coordinator.begin([0, 1, 2, 3]);
      await coordinator.numbers([{ partition: 1, count: 3 }]);
      const other = open({ partitions: 8, queue: 'layout' }).coordinator;
      const refusal = {
        code: 'PARTITION_LAYOUT',
        message: expect.stringMatching(
          /PARTITIONS is 8, but queue layout has 4 partitions, 3 of whose jobs are not done: set it back to 4/,
        ),
      };
      await expect(other.agree()).rejects.toMatchObject(refusal);
      await expect(other.numbers([{ partition: 1, count: 1 }])).rejects.toMatchObject({
        code: 'PARTITION_LAYOUT',
      });
      await expect(other.acquire(7, 'a')).rejects.toMatchObject({ code: 'PARTITION_LAYOUT' });
      // Also of whoever was made with another number than there is.
      expect(await other.status()).toMatchObject({ partitions: 4 });
    });

    it('changes once all jobs are done; old pushers and owners are refused, and nobody acquires for a lease', async () => {
      const { coordinator } = open({ partitions: 2, queue: 'growing', ttlMs: 1_000 });
      await coordinator.agree({ untouched: true });
      await coordinator.begin([0, 1]);
      const got = (await coordinator.acquire(0, 'a'))!;
      const { epoch } = (await coordinator.numbers([{ partition: 0, count: 1 }]))[0]!;
      const other = open({ partitions: 3, queue: 'growing', ttlMs: 1_000 }).coordinator;
      await expect(other.agree()).rejects.toMatchObject({ code: 'PARTITION_LAYOUT' });
      await coordinator.checkpoint(got, { epoch, first: 1, next: 2, open: [] });
      await other.agree();
      await expect(coordinator.numbers([{ partition: 0, count: 1 }])).rejects.toMatchObject({
        code: 'PARTITION_LAYOUT',
      });
      await expect(coordinator.renew('a', [{ ...got, note: '' }])).rejects.toMatchObject({
        code: 'PARTITION_LAYOUT',
      });
      expect(await other.acquire(0, 'b')).toBeUndefined();
      expect((await other.look()).free).toHaveLength(3);
      await other.begin([2]);
      expect(await other.numbers([{ partition: 0, count: 1 }])).toMatchObject([{ epoch, first: 2 }]);
      await until(() => other.acquire(0, 'b'), { what: 'a partition once the lease is over' });
    });

    it('is drained whatever number is asked for, and the first who agrees on another one ends that', async () => {
      const of = (partitions: number) => open({ partitions, queue: 'drained', ttlMs: 1_000 }).coordinator;
      expect([await of(2).drain(true), await of(2).status()]).toEqual([false, undefined]);
      await of(2).agree({ untouched: true });
      expect(await of(9).drain(true)).toBe(true);
      expect((await of(2).status())!.drainingMs).toBeGreaterThanOrEqual(0);
      const next = of(3);
      await next.agree();
      await next.begin([0]);
      expect(await next.numbers([{ partition: 0, count: 1 }])).toMatchObject([{ first: 1 }]);
      await expect(of(2).numbers([{ partition: 0, count: 1 }])).rejects.toMatchObject({
        code: 'PARTITION_LAYOUT',
        message:
          'PARTITIONS is 2 here, but queue drained has 3 partitions by now: set PARTITIONS=3 and restart this process',
      });
    });

    it('changes although numbers at the end are void, each in its own epoch', async () => {
      const { coordinator, link } = open({ partitions: 1, queue: 'void' });
      const undone = async () => (await coordinator.status())!.each[0]!.undone;
      await coordinator.agree({ untouched: true });
      await coordinator.begin([0]);
      const { epoch } = (await coordinator.numbers([{ partition: 0, count: 8 }]))[0]!;
      // As if Redis had come back with older data: 5 to 8 were given again, and those of before are not known any more.
      await link.use((connection) =>
        connection.hset('millrace:{void}:p:0', { epoch: epoch + 1, epochs: `${epoch}:1,${epoch + 1}:5` }),
      );
      coordinator.declareVoid(0, epoch, [3, 6]);
      await until(async () => (await undone()) === 6, { what: 'six that are not done' });
      coordinator.declareVoid(0, epoch + 1, [5, 8]);
      await until(async () => (await undone()) === 2, { what: 'two that are not done' });
      coordinator.declareVoid(0, epoch, [1, 2]);
      await until(async () => (await undone()) === 0, { what: 'none that is not done' });
      await open({ partitions: 2, queue: 'void' }).coordinator.agree();
    });

    it('is agreed upon by two at the same time', async () => {
      const [a, b] = [open({ partitions: 2, queue: 'race' }), open({ partitions: 2, queue: 'race' })];
      await Promise.all([a.coordinator.agree({ untouched: true }), b.coordinator.agree({ untouched: true })]);
      expect(await a.coordinator.status()).toMatchObject({ partitions: 2, calmMs: 0 });
    });

    it('of a queue that jobs may be running of makes the first owner wait for a lease', async () => {
      const { coordinator } = open({ ttlMs: 1_000 });
      await coordinator.agree();
      expect((await coordinator.look()).calmMs).toBeGreaterThan(0);
      expect(await coordinator.acquire(0, 'a')).toBeUndefined();
      await until(() => coordinator.acquire(0, 'a'), { what: 'a partition once the lease is over' });
    });
  });

  describe('FLUSHALL', () => {
    it('is told, never renumbered in silence; the owner keeps its partition and its place', async () => {
      const one = open();
      const { coordinator, link } = one;
      await coordinator.agree({ untouched: true });
      await coordinator.begin([0, 1]);
      const [given] = await coordinator.numbers([{ partition: 0, count: 10 }]);
      const got = (await coordinator.acquire(0, 'a'))!;
      const place = { ...got.place!, next: 7 };
      await coordinator.checkpoint(got, place);
      await link.use((connection) => connection.flushall());

      await expect(coordinator.numbers([{ partition: 0, count: 1 }])).rejects.toMatchObject({
        code: 'PARTITION_NUMBERS_LOST',
      });
      expect(await coordinator.checkpoint(got, place)).toBe('forgotten');
      expect(await coordinator.acquire(0, 'thief')).toBeUndefined();
      expect(await coordinator.acquire(1, 'thief')).toBeUndefined();
      expect(await coordinator.renew('a', [{ ...got, note: '' }])).toEqual([true]);
      expect(await coordinator.checkpoint(got, { ...place, next: 11 })).toBe('stored');
      expect(await coordinator.acquire(0, 'thief')).toBeUndefined();

      // Its jobs are done: now they may be begun anew, after all that were before.
      await coordinator.begin([0]);
      const [anew] = await coordinator.numbers([{ partition: 0, count: 1 }]);
      expect(anew).toMatchObject({ first: 11 });
      expect(anew!.epoch).toBeGreaterThan(given!.epoch);
    });

    it('gives fences that are greater than those before', async () => {
      const { coordinator, link } = open({ ttlMs: 1_000 });
      await coordinator.agree({ untouched: true });
      const got = (await coordinator.acquire(0, 'a'))!;
      await link.use((connection) => connection.flushall());
      const next = await until(() => coordinator.acquire(0, 'b'), {
        what: 'a partition once the lease is over',
      });
      expect(next.fence).toBeGreaterThan(got.fence);
      expect(await coordinator.checkpoint(got, { epoch: 1, first: 1, next: 1, open: [] })).toBe('fenced');
      expect(await coordinator.renew('a', [{ ...got, note: '' }])).toEqual([false]);
    });
  });

  describe('kill -9 of Redis', () => {
    it('that comes back empty: as FLUSHALL, and commands meanwhile fail soon', async () => {
      const one = open();
      const { coordinator } = one;
      await coordinator.agree({ untouched: true });
      await coordinator.begin([0]);
      const got = (await coordinator.acquire(0, 'a'))!;
      await redis.kill('SIGKILL');
      await expect(coordinator.numbers([{ partition: 0, count: 1 }])).rejects.toMatchObject({
        code: 'REDIS_UNAVAILABLE',
      });
      await redis.start();
      await untilBack(one);
      await expect(coordinator.numbers([{ partition: 0, count: 1 }])).rejects.toMatchObject({
        code: 'PARTITION_NUMBERS_LOST',
      });
      expect(await coordinator.acquire(0, 'thief')).toBeUndefined();
      expect(await coordinator.renew('a', [{ ...got, note: '' }])).toEqual([true]);
    });
  });

  describe('a Redis that comes back with older data', () => {
    it('gives numbers of a new epoch, so that none that was given stands for two jobs', async () => {
      await using kept = await startRedis();
      const own = { redis };
      redis = kept;
      try {
        const one = open();
        const { coordinator, link } = one;
        await coordinator.agree({ untouched: true });
        await coordinator.begin([0]);
        const [before] = await coordinator.numbers([{ partition: 0, count: 3 }]);
        const got = (await coordinator.acquire(0, 'a'))!;
        await link.use((connection) => connection.save());
        // None of this is saved.
        await coordinator.numbers([{ partition: 0, count: 3 }]);
        await kept.kill('SIGKILL');
        await kept.start();
        await untilBack(one);
        const [after] = await coordinator.numbers([{ partition: 0, count: 1 }]);
        expect(after!.first).toBe(4);
        expect(after!.epoch).toBeGreaterThan(before!.epoch);
        expect(await coordinator.epochs(0)).toEqual([
          { epoch: before!.epoch, first: 1 },
          { epoch: after!.epoch, first: 4 },
        ]);
        const [again] = await coordinator.numbers([{ partition: 0, count: 1 }]);
        expect(again).toMatchObject({ epoch: after!.epoch, first: 5 });
        // Leases may be older, too: only who has one renews it.
        expect(await coordinator.acquire(0, 'thief')).toBeUndefined();
        expect(await coordinator.renew('a', [{ ...got, note: '' }])).toEqual([true]);
      } finally {
        redis = own.redis;
      }
    });
  });

  describe('a Redis that stands still', () => {
    it('has numbers whose answer was lost declared void once it goes on', async () => {
      const { coordinator } = open();
      await coordinator.agree({ untouched: true });
      await coordinator.begin([0]);
      const { epoch } = (await coordinator.numbers([{ partition: 0, count: 2 }]))[0]!;
      await redis.kill('SIGSTOP');
      try {
        await expect(coordinator.numbers([{ partition: 0, count: 3 }])).rejects.toMatchObject({
          code: 'REDIS_UNAVAILABLE',
        });
      } finally {
        await redis.kill('SIGCONT');
      }
      // They were given, as the socket had it; nobody has them.
      await until(async () => (await coordinator.voids(0)).get(epoch), { what: 'void numbers' });
      expect((await coordinator.voids(0)).get(epoch)).toEqual([[3, 5]]);
      expect(await coordinator.numbers([{ partition: 0, count: 1 }])).toMatchObject([{ first: 6 }]);
    });

    it('gives no numbers to an ask that was given up before it came', async () => {
      const { coordinator, link } = open({ queue: 'late-ask' });
      await coordinator.agree({ untouched: true });
      await coordinator.begin([0]);
      const key = (name: string) => `millrace:{late-ask}:${name}`;
      // Sent by two connections, which need not be read in the order of their sending.
      const run = (script: string, keys: string[], id: string, ...more: number[]) =>
        link.use((connection) =>
          connection.eval(
            script,
            5,
            ...['layout', 'leases', ...keys].map(key),
            ...[2, '', 30_000, id, ...more],
          ),
        );
      const ask = (id: string) => run(NUMBERS, [`refused:${id}`, 'p:0', 'p:0:asks'], id, 1);
      const settle = (id: string) => run(SETTLE, ['p:0:asks', 'p:0:voids', `refused:${id}`], id);
      expect(await ask('early')).toEqual(['given', expect.any(String), '1']);
      expect([await settle('early'), await settle('late')]).toEqual([['void'], ['none']]);
      expect(await ask('late')).toEqual(['refused']);
      expect(await coordinator.numbers([{ partition: 0, count: 1 }])).toMatchObject([{ first: 2 }]);
    });
  });
});
