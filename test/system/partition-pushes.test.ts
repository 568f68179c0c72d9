/** Keyed pushes with a real Redis, killed and emptied, on each Faktory. */
import { describe, expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { partitionQueues } from '../../src/partitions/layout.ts';
import { partitionOf } from '../../src/partitions/partition-hash.ts';
import { stampOf } from '../../src/partitions/stamp.ts';
import type { JobPayload } from '../../src/protocol/job.ts';
import { describeWithRedis } from '../helpers/describe-with-redis.ts';
import { describeOnEachFaktory } from '../helpers/each-faktory.ts';
import { type RedisServer, startRedis } from '../helpers/redis-server.ts';
import { until } from '../helpers/until.ts';

const COUNT = 8;
const coded = (code: string): unknown => expect.objectContaining({ code });

function clientOf(faktory: { url: string }, redis: RedisServer, count = COUNT): Client {
  return new Client({ url: faktory.url, logger: false, partitions: { count, redisUrl: redis.url } });
}

/** All jobs of the partitions of `default`, as a worker gets them. */
async function fetchAll(client: Client, count: number): Promise<JobPayload[]> {
  const jobs: JobPayload[] = [];
  while (jobs.length < count) {
    const reply = await client.send(['FETCH', ...partitionQueues('default', COUNT)]);
    const job = JSON.parse(reply) as JobPayload | null;
    if (job === null) throw new Error(`only ${jobs.length} of ${count} jobs are there`);
    jobs.push(job);
  }
  return jobs;
}

const keys = Array.from({ length: 20 }, (_, i) => `+55119${i}`);

describeWithRedis('keyed pushes', () => {
  describeOnEachFaktory('with Redis', (faktoryUnderTest) => {
    it('of several clients share one row of numbers a partition, none twice, none left out', async () => {
      await using redis = await startRedis();
      await using faktory = await faktoryUnderTest.start();
      await using a = clientOf(faktory, redis);
      await using b = clientOf(faktory, redis);
      const push = (client: Client, who: string) =>
        Array.from({ length: 200 }, async (_, i) => {
          // In several ticks, so that there are several questions for numbers.
          for (let turn = 0; turn < i % 5; turn += 1) await new Promise(setImmediate);
          return client.push({ jobtype: 'a', args: [who, i], partitionKey: keys[i % keys.length] });
        });
      await Promise.all([...push(a, 'a'), ...push(b, 'b')]);
      const jobs = await fetchAll(a, 400);
      for (const partition of new Set(keys.map((key) => partitionOf(key, COUNT)))) {
        const mine = jobs.filter(({ queue }) => queue === `default.${partition}`);
        const stamps = mine.map(({ custom }) => stampOf(custom)!);
        expect(new Set(stamps.map(({ epoch }) => epoch)).size).toBe(1);
        expect(stamps.map(({ number }) => number).sort((x, y) => x - y)).toEqual(mine.map((_, i) => i + 1));
        for (const { key } of stamps) expect(partitionOf(key, COUNT)).toBe(partition);
      }
    });

    it('come in the order in which one client asked', async () => {
      await using redis = await startRedis();
      await using faktory = await faktoryUnderTest.start();
      await using client = clientOf(faktory, redis);
      const pushes = Array.from({ length: 300 }, (_, i) =>
        client.push({ jobtype: 'a', args: [i], partitionKey: keys[i % 3] }),
      );
      await Promise.all(pushes);
      const jobs = await fetchAll(client, 300);
      const byNumber = jobs
        .map(({ queue, args, custom }) => ({ queue, i: Number(args[0]), n: stampOf(custom)!.number }))
        .sort((x, y) => x.n - y.n);
      for (const queue of new Set(byNumber.map((job) => job.queue))) {
        const asked = byNumber.filter((job) => job.queue === queue).map(({ i }) => i);
        expect(asked).toEqual([...asked].sort((x, y) => x - y));
      }
    });
  });

  describe('when Redis', () => {
    const onEmbedded = async () => {
      const { startEmbeddedFaktory } = await import('../helpers/embedded-faktory.ts');
      return startEmbeddedFaktory();
    };

    it.each(['SIGKILL', 'SIGSTOP'] as const)(
      'is gone (%s), are told soon, and others go on',
      async (signal) => {
        await using redis = await startRedis();
        await using faktory = await onEmbedded();
        await using client = clientOf(faktory, redis);
        await client.push({ jobtype: 'a', partitionKey: 'k' });
        await redis.kill(signal);
        const began = performance.now();
        const keyed = client.push({ jobtype: 'a', partitionKey: 'k' });
        await client.push({ jobtype: 'a' });
        await expect(keyed).rejects.toEqual(coded('REDIS_UNAVAILABLE'));
        expect(performance.now() - began).toBeLessThan(4_000);
        if (signal === 'SIGSTOP') {
          await redis.kill('SIGCONT');
          await until(
            () =>
              client.push({ jobtype: 'a', partitionKey: 'k' }).then(
                () => true,
                () => false,
              ),
            { timeoutMs: 10_000 },
          );
        }
      },
    );

    it('was emptied, are refused while jobs of the partition wait, and then begin anew', async () => {
      await using redis = await startRedis();
      await using faktory = await onEmbedded();
      await using client = clientOf(faktory, redis);
      await client.push({ jobtype: 'a', args: ['before'], partitionKey: 'k' });
      await redis.kill('SIGKILL');
      await redis.start();
      const codes = new Set<string>();
      const push = () =>
        client.push({ jobtype: 'a', args: ['after'], partitionKey: 'k' }).then(
          () => 'stored',
          (error) => {
            codes.add(error.code);
            return error.code as string;
          },
        );
      await until(async () => (await push()) === 'PARTITION_NUMBERS_LOST', { timeoutMs: 10_000 });
      // Another process, which never had numbers of it, sees the job that waits.
      await using other = clientOf(faktory, redis);
      await expect(other.push({ jobtype: 'a', partitionKey: 'k' })).rejects.toEqual(
        coded('PARTITION_NUMBERS_LOST'),
      );
      const [before] = await fetchAll(client, 1);
      await client.send(['ACK', JSON.stringify({ jid: before!.jid })]);
      await until(async () => (await push()) === 'stored');
      expect([...codes].filter((code) => code !== 'REDIS_UNAVAILABLE')).toEqual(['PARTITION_NUMBERS_LOST']);
      const [after] = await fetchAll(client, 1);
      expect(after!.args).toEqual(['after']);
      expect(stampOf(after!.custom)!.epoch).toBeGreaterThan(stampOf(before!.custom)!.epoch);
    });

    it('knows another number of partitions, are refused while jobs of those are not done', async () => {
      await using redis = await startRedis();
      await using faktory = await onEmbedded();
      await using client = clientOf(faktory, redis);
      await client.push({ jobtype: 'a', partitionKey: 'k' });
      await using other = clientOf(faktory, redis, COUNT + 1);
      await expect(other.push({ jobtype: 'a', partitionKey: 'k' })).rejects.toEqual(
        coded('PARTITION_LAYOUT'),
      );
      await client.push({ jobtype: 'a', partitionKey: 'k' });
    });
  });
});
