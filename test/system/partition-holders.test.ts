/** Owners of partitions as processes, with a redis-server: killed, stopped for longer than their lease, and without Redis. */
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { describeWithRedis } from '../helpers/describe-with-redis.ts';
import { type RunningProcess, startNode } from '../helpers/process.ts';
import { type RedisServer, startRedis } from '../helpers/redis-server.ts';
import { until } from '../helpers/until.ts';

const JITI = fileURLToPath(new URL('../../node_modules/jiti/lib/jiti-cli.mjs', import.meta.url));
const HOLDER = fileURLToPath(new URL('./fixtures/partition-holder.ts', import.meta.url));
const TTL_MS = 2_000;
const PARTITIONS = 4;

interface Start {
  readonly owner: string;
  readonly partition: number;
  readonly fence: number;
  readonly at: number;
}

/** The first one of a test is `untouched`: it says that nobody was there before. */
function startHolder(
  redis: RedisServer,
  owner: string,
  ...flags: string[]
): { owner: string; child: RunningProcess } {
  const child = startNode(JITI, [HOLDER, redis.url, owner, String(TTL_MS), String(PARTITIONS), ...flags]);
  return { owner, child };
}

function startsOf({ owner, child }: { owner: string; child: RunningProcess }): Start[] {
  return child.lines
    .filter((line) => line.startsWith('start '))
    .map((line) => {
      const [partition, fence, at] = line.split(' ').slice(1).map(Number);
      return { owner, partition: partition!, fence: fence!, at: at! };
    });
}

/** No job of an owner starts after one of a greater fence has: two never own a partition at once. */
function expectNoOverlap(starts: readonly Start[]): void {
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    const mine = starts.filter((each) => each.partition === partition).sort((a, b) => a.at - b.at);
    for (const [i, start] of mine.entries())
      expect(start.fence, JSON.stringify(mine.slice(i - 1, i + 1))).toBeGreaterThanOrEqual(
        mine[i - 1]?.fence ?? 0,
      );
  }
}

const partitionsOf = (starts: readonly Start[]): number[] =>
  [...new Set(starts.map(({ partition }) => partition))].sort();

/** Until `holder` has started jobs of so many partitions after `since`. */
async function untilOwns(holder: ReturnType<typeof startHolder>, count: number, since = 0): Promise<void> {
  const owned = () => partitionsOf(startsOf(holder).filter(({ at }) => at > since));
  await until(() => owned().length === count, {
    timeoutMs: 20_000,
    what: () =>
      `${holder.owner} owning ${count} partitions; it has ${owned()}: ${holder.child.lines.slice(-3)}`,
  });
}

describeWithRedis('owners of partitions', () => {
  it.each(['SIGKILL', 'SIGSTOP'] as const)(
    '%s: another takes over, and none starts a job beside it',
    async (signal) => {
      await using redis = await startRedis();
      const a = startHolder(redis, 'a', 'untouched');
      await untilOwns(a, PARTITIONS);
      const b = startHolder(redis, 'b');
      await untilOwns(b, PARTITIONS / 2);
      a.child.kill(signal);
      const killedAt = Date.now();
      await untilOwns(b, PARTITIONS, killedAt);
      if (signal === 'SIGSTOP') {
        a.child.kill('SIGCONT');
        const resumedAt = Date.now();
        // It has found out, and got some back in order.
        await untilOwns(a, PARTITIONS / 2, resumedAt);
        expect(a.child.lines.filter((line) => line.endsWith(' expired'))).toHaveLength(PARTITIONS / 2);
      }
      expectNoOverlap([...startsOf(a), ...startsOf(b)]);
      await Promise.all([a.child.stop(), b.child.stop()]);
    },
  );

  it('Redis stands still for longer than a lease: all stop by their own clock, and go on after it', async () => {
    await using redis = await startRedis();
    const holders = [startHolder(redis, 'a', 'untouched')];
    await untilOwns(holders[0]!, PARTITIONS);
    holders.push(startHolder(redis, 'b'));
    await untilOwns(holders[1]!, PARTITIONS / 2);
    await redis.kill('SIGSTOP');
    const ended = () =>
      holders.flatMap(({ child }) => child.lines.filter((line) => line.endsWith(' expired')));
    await until(() => ended().length === PARTITIONS, { what: () => `four leases that end: ${ended()}` });
    const endedAt = Math.max(...ended().map((line) => Number(line.split(' ')[3])));
    await redis.kill('SIGCONT');
    const resumedAt = Date.now();
    const all = () => holders.flatMap(startsOf);
    await until(() => partitionsOf(all().filter(({ at }) => at > resumedAt)).length === PARTITIONS, {
      what: 'all partitions owned again',
    });
    expect(all().filter(({ at }) => at > endedAt && at < resumedAt)).toEqual([]);
    expectNoOverlap(all());
    await Promise.all(holders.map(({ child }) => child.stop()));
  });

  it('Redis is killed and comes back empty: owners keep what they have, and two never own one', async () => {
    await using redis = await startRedis();
    const a = startHolder(redis, 'a', 'untouched');
    await untilOwns(a, PARTITIONS);
    await redis.kill('SIGKILL');
    await redis.start();
    // One that has never heard of the other.
    const b = startHolder(redis, 'b');
    await untilOwns(b, PARTITIONS / 2);
    expect(a.child.lines.filter((line) => line.startsWith('end ') && !line.endsWith(' released'))).toEqual(
      [],
    );
    expectNoOverlap([...startsOf(a), ...startsOf(b)]);
    await Promise.all([a.child.stop(), b.child.stop()]);
  });
});
