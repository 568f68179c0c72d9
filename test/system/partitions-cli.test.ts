/** `millrace partitions`, as a process. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { startEmbeddedFaktory } from '../../src/embedded/index.ts';
import { SILENT } from '../../src/logger.ts';
import { RedisCoordinator } from '../../src/partitions/redis-coordinator.ts';
import { parseRedisUrl, RedisLink } from '../../src/redis.ts';
import { describeWithRedis } from '../helpers/describe-with-redis.ts';
import { startRedis } from '../helpers/redis-server.ts';
import { until } from '../helpers/until.ts';
import { ran } from './millrace.ts';

describe('millrace partitions plan', () => {
  it('needs no server, and reads keys from a file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-keys-'));
    const file = join(folder, 'keys.txt');
    writeFileSync(file, 'a\n\n b \na');
    const args = [
      'partitions',
      'plan',
      '--partitions',
      '10',
      '--per-pod',
      '4',
      '--pods',
      '2',
      '--keys',
      file,
      '--json',
    ];
    const { code, lines } = await ran(args);
    rmSync(folder, { recursive: true });
    expect(code).toBe(0);
    expect(JSON.parse(lines.find((line) => line.startsWith('{'))!)).toMatchObject({
      partitions: 10,
      perPod: 4,
      podsNeeded: 3,
      withoutOwner: 2,
      spread: { jobs: 3, keys: 2 },
    });
    expect(lines.find((line) => line.startsWith('warning: '))).toContain(
      'the jobs of 2 partitions never run',
    );
  });

  it.each([
    [['plan'], 'say into how many: --partitions 16, or PARTITIONS=16'],
    [['plan', '--partitions', '4', '--pods', '0'], '--pods is "0", it takes a whole number from 1 to 100000'],
    [['plan', '--partitions', '4', '--keys', 'x', '--sample', '5'], '--keys and --sample do not go together'],
    [['plan', '--partitions', '4', '--keys', '/nowhere/keys'], '--keys /nowhere/keys cannot be read: ENOENT'],
    [
      ['plan', '--partitions', '5000'],
      '--partitions (PARTITIONS) is "5000", it takes a whole number from 0 to 4096',
    ],
    [['status'], 'set REDIS_URL: without Redis partitions have fixed owners, and no status'],
  ])('%j: one line, exit 1', async (args, line) => {
    const { code, lines } = await ran(['partitions', ...args]);
    expect([code, lines.length]).toEqual([1, 1]);
    expect(lines[0]).toContain(`millrace: ${line}`);
  });
});

describeWithRedis('millrace partitions status', () => {
  it('shows owners, numbers and backlog; exit 1 once a partition has had no owner for too long', async () => {
    await using redis = await startRedis();
    const faktory = await startEmbeddedFaktory();
    const link = new RedisLink({ address: parseRedisUrl(redis.url), logger: SILENT });
    const coordinator = new RedisCoordinator({
      queue: 'orders',
      partitions: 2,
      ttlMs: 30_000,
      link,
      logger: SILENT,
    });
    const client = new Client({ url: faktory.url, logger: false });
    try {
      const env = { REDIS_URL: redis.url, FAKTORY_URL: faktory.url, WORKER_QUEUES: 'orders' };
      const status = (more = {}) => ran(['partitions', 'status', '--json'], { env: { ...env, ...more } });
      expect(await ran(['partitions', 'status'], { env })).toEqual({
        code: 0,
        lines: ['queue orders: Redis knows of no partitions'],
      });
      await coordinator.agree({ untouched: true });
      await coordinator.begin([0, 1]);
      await coordinator.numbers([{ partition: 0, count: 2 }]);
      const lease = (await coordinator.acquire(0, 'me'))!;
      await client.push({ jobtype: 'a', args: [], queue: 'orders.0' });
      const { code, lines } = await status();
      const [{ rows, partitions }] = JSON.parse(lines[0]!).queues;
      expect([code, partitions]).toEqual([0, 2]);
      expect(rows[0]).toMatchObject({
        owner: 'me',
        fence: lease.fence,
        next: 1,
        last: 2,
        undone: 2,
        backlog: 1,
      });
      expect(rows[0].ageSeconds).toBeGreaterThanOrEqual(0);
      expect(rows[1]).toMatchObject({ owner: null, backlog: null, trouble: null });
      // A lease of a second: two have passed soon.
      const late = await until(
        async () => {
          const result = await status({ PARTITION_LEASE_TTL_MS: '1000' });
          return result.code === 1 ? result : undefined;
        },
        { what: 'exit code 1', everyMs: 100 },
      );
      expect(JSON.parse(late.lines[0]!).queues[0].rows[1].trouble).toMatch(/^no worker has had it/);
    } finally {
      await client.close();
      link.close();
      await faktory.stop();
    }
  });
});
