/** A Redis that fails over: the link by real sentinels, and the coordinator, whose numbers a replica may not have got. */
import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { SILENT } from '../../src/logger.ts';
import { RedisCoordinator } from '../../src/partitions/redis-coordinator.ts';
import { forgetSecrets } from '../../src/redact.ts';
import { parseRedisUrl, RedisLink } from '../../src/redis.ts';
import { describeWithRedis } from '../helpers/describe-with-redis.ts';
import { freePort } from '../helpers/free-port.ts';
import { type RedisServer, startRedis } from '../helpers/redis-server.ts';
import { until } from '../helpers/until.ts';
import { MASTER_ID, startWatchedRedis } from '../helpers/watched-redis.ts';

const ADD = "return redis.call('INCR', KEYS[1])";
/** A failover takes some seconds, more on a busy machine. */
const FAILOVER = { timeoutMs: 40_000 };
const opened: { close(): void }[] = [];

/** A link, and what it logged. */
function linkTo(url: string) {
  const lines: string[] = [];
  const log = (_: object, text: string): void => void lines.push(text);
  const link = new RedisLink({ address: parseRedisUrl(url), logger: { ...SILENT, warn: log, info: log } });
  opened.push(link);
  return { link, lines };
}

function coordinate(url: string, { queue = `q-${randomUUID()}`, ttlMs = 30_000 } = {}) {
  const { link } = linkTo(url);
  const coordinator = new RedisCoordinator({ queue, partitions: 3, ttlMs, link, logger: SILENT });
  opened.push(coordinator);
  return { coordinator, link };
}

/** The port of the Redis that a link leads to; undefined while it is away. */
const portOf = (link: RedisLink): Promise<number | undefined> =>
  link
    .use((redis) => redis.config('GET', 'port'))
    .then(
      (reply) => Number((reply as string[])[1]),
      () => undefined,
    );

/** From now on it does not hear what its primary is told, and knows nothing of that. */
async function cutOff(replica: RedisServer): Promise<void> {
  const { link } = linkTo(replica.url);
  await link.use(async (redis) => redis.replicaof('127.0.0.1', String(await freePort())));
}

describeWithRedis('a Redis that fails over', () => {
  afterEach(() => {
    for (const each of opened.splice(0).reverse()) each.close();
    forgetSecrets();
  });

  describe('the link', () => {
    it('finds the primary by its sentinels, and the replica that took over', {
      timeout: 60_000,
    }, async () => {
      await using redis = await startWatchedRedis({
        sentinels: 3,
        password: 'of Redis',
        sentinelPassword: 'theirs',
      });
      const { link, lines } = linkTo(redis.url);
      expect(await portOf(link)).toBe(redis.primary.port);
      expect(await link.script(ADD, 'count', [])).toBe(1);
      await redis.primary.kill('SIGKILL');
      await until(() => !link.connected);
      await expect(link.use((commands) => commands.ping())).rejects.toMatchObject({
        code: 'REDIS_UNAVAILABLE',
      });
      await until(() => link.connected, FAILOVER);
      expect(await portOf(link)).toBe(redis.replica.port);
      expect(await link.script(ADD, 'count', [])).toBe(2);
      expect(lines.at(-1)).toMatch(/^connected to Redis tested-1 of the sentinels at .* again$/);
      expect(new Set(lines).size).toBe(lines.length);
    });

    it('leaves a primary that lives on at once when another has taken over', {
      timeout: 60_000,
    }, async () => {
      await using redis = await startWatchedRedis();
      const { link } = linkTo(redis.url);
      expect(await portOf(link)).toBe(redis.primary.port);
      const { link: sentinel } = linkTo(`redis://127.0.0.1:${redis.sentinels[0]!.port}`);
      await until(
        () =>
          sentinel
            .use((commands) => commands.call('SENTINEL', 'FAILOVER', MASTER_ID))
            .then(
              () => true,
              () => false,
            ),
        { ...FAILOVER, everyMs: 200 },
      );
      await until(async () => (await portOf(link)) === redis.replica.port, FAILOVER);
      expect(await link.script(ADD, 'count', [])).toBe(1);
    });

    it('does without sentinels that are away, and writes nothing past the log', {
      timeout: 60_000,
    }, async () => {
      await using redis = await startWatchedRedis({ sentinels: 2 });
      const [gone] = redis.sentinels;
      await gone![Symbol.asyncDispose]();
      const { link, lines } = linkTo(redis.url);
      const wrote: unknown[] = [];
      const { error } = console;
      console.error = (...all) => void wrote.push(all);
      try {
        link.connect();
        await until(() => link.connected);
        expect(await portOf(link)).toBe(redis.primary.port);
        // The connections by which it hears of failovers have been tried: that to the living one is there.
        const { link: sentinel } = linkTo(`redis://127.0.0.1:${redis.sentinels[1]!.port}`);
        await until(async () =>
          / sub=1 /.test(String(await sentinel.use((commands) => commands.client('LIST')))),
        );
      } finally {
        console.error = error;
      }
      expect(wrote).toEqual([]);
      expect(lines[0]).toMatch(new RegExp(`sentinel at 127.0.0.1:${gone!.port}: .*ECONNREFUSED`));
    });

    it('tells of a name that the sentinels do not know, and of a password that they do not take', {
      timeout: 60_000,
    }, async () => {
      await using redis = await startWatchedRedis({ sentinelPassword: 'theirs alone' });
      const unknown = linkTo(redis.url.replace(MASTER_ID, 'other'));
      unknown.link.connect();
      await until(() => unknown.lines.some((line) => /No such master.*is sentinelMasterId right/.test(line)));
      const wrong = linkTo(redis.url.replace('alone', 'wrong'));
      wrong.link.connect();
      await until(() => wrong.lines.some((line) => line.includes('WRONGPASS')));
      const none = linkTo(redis.url.replace(/&.*/, ''));
      none.link.connect();
      await until(() => none.lines.some((line) => line.includes('NOAUTH')));
      expect([...unknown.lines, ...wrong.lines, ...none.lines].join('\n')).not.toContain('theirs');
    });
  });

  describe('the coordinator', () => {
    it('gives numbers after those that were lost, and no partition to a second owner', {
      timeout: 90_000,
    }, async () => {
      await using redis = await startWatchedRedis();
      const ttlMs = 5_000;
      const { coordinator, link } = coordinate(redis.url, { ttlMs });
      await coordinator.agree({ untouched: true });
      await coordinator.begin([0, 1, 2]);
      const first = (await coordinator.acquire(0, 'a'))!;
      await coordinator.numbers([{ partition: 0, count: 10 }]);
      // Until the replica has them.
      await link.use((commands) => commands.wait('1', '0'));
      await cutOff(redis.replica);
      const second = (await coordinator.acquire(1, 'a'))!;
      const [lost] = await coordinator.numbers([{ partition: 0, count: 5 }]);
      expect(lost!.first).toBe(11);

      await redis.primary.kill('SIGKILL');
      await until(() => link.connected, FAILOVER);
      expect(await portOf(link)).toBe(redis.replica.port);
      const [after] = await coordinator.numbers([{ partition: 0, count: 5 }]);
      expect(after!.first).toBe(11);
      expect(after!.epoch).toBeGreaterThan(lost!.epoch);
      expect(await coordinator.epochs(0)).toEqual([
        { epoch: lost!.epoch, first: 1 },
        { epoch: after!.epoch, first: 11 },
      ]);

      // The owner knows what the replica does not; another waits.
      const other = coordinate(redis.url, { ttlMs, queue: coordinator.queue }).coordinator;
      expect((await other.look()).calmMs).toBeGreaterThan(0);
      for (const partition of [0, 1, 2]) expect(await other.acquire(partition, 'b')).toBeUndefined();
      const leases = [first, second].map((lease) => ({ ...lease, note: '' }));
      const calm = async (): Promise<boolean> => {
        expect(await coordinator.renew('a', leases)).toEqual([true, true]);
        return (await other.look()).calmMs === 0;
      };
      await until(calm, { timeoutMs: 20_000, everyMs: 100 });
      expect(await other.acquire(0, 'b')).toBeUndefined();
      expect(await other.acquire(1, 'b')).toBeUndefined();
      expect(await other.acquire(2, 'b')).toMatchObject({ partition: 2, owner: 'b' });
      const owners = (await other.status())!.each.map(({ owner }) => owner);
      expect(owners).toEqual(['a', 'a', 'b']);
    });

    it('does not take a primary for the one that it was, when it has been a replica meanwhile', async () => {
      await using one = await startRedis();
      await using two = await startRedis({ replicaOf: one });
      await two.waitForLine(/MASTER <-> REPLICA sync: Finished with success/);
      const { coordinator, link } = coordinate(one.url);
      await coordinator.agree({ untouched: true });
      await coordinator.begin([0]);
      await coordinator.numbers([{ partition: 0, count: 10 }]);
      await link.use((commands) => commands.wait('1', '0'));
      const { link: toTwo } = linkTo(two.url);
      await toTwo.use((commands) => commands.replicaof('NO', 'ONE'));
      const [lost] = await coordinator.numbers([{ partition: 0, count: 5 }]);
      expect(lost!.first).toBe(11);

      // What a failover there and back comes to.
      const { link: toOne } = linkTo(one.url);
      await toOne.use((commands) => commands.replicaof(two.host, String(two.port)));
      await one.waitForLine(/MASTER <-> REPLICA sync: (Finished with success|Master accepted)/);
      await toOne.use((commands) => commands.replicaof('NO', 'ONE'));
      const [after] = await coordinate(one.url, { queue: coordinator.queue }).coordinator.numbers([
        { partition: 0, count: 5 },
      ]);
      expect(after!.first).toBe(11);
      expect(after!.epoch).toBeGreaterThan(lost!.epoch);
    });

    it('takes a primary that has got its first replica for one, whoever asked before or after', async () => {
      await using one = await startRedis();
      const { coordinator, link } = coordinate(one.url);
      await coordinator.agree({ untouched: true });
      await coordinator.begin([0]);
      await using two = await startRedis({ replicaOf: one });
      await two.waitForLine(/MASTER <-> REPLICA sync: Finished with success/);
      const { coordinator: newer } = coordinate(one.url, { queue: coordinator.queue });
      const epochs = new Set<number>();
      for (const each of [newer, coordinator, newer, coordinator]) {
        const [given] = await each.numbers([{ partition: 0, count: 1 }]);
        epochs.add(given!.epoch);
      }
      expect(epochs.size).toBe(1);
      expect(link.connected).toBe(true);
    });
  });
});
