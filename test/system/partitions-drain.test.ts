/** PARTITIONS changed while keyed jobs wait: `millrace partitions drain`, APIs and workers as processes, with a redis-server. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { SILENT } from '../../src/logger.ts';
import { RedisCoordinator } from '../../src/partitions/redis-coordinator.ts';
import { parseRedisUrl, RedisLink } from '../../src/redis.ts';
import { describeWithRedis } from '../helpers/describe-with-redis.ts';
import { describeOnEachFaktory } from '../helpers/each-faktory.ts';
import { startEmbeddedFaktory } from '../helpers/embedded-faktory.ts';
import type { RunningFaktory } from '../helpers/faktory-process.ts';
import { freePort } from '../helpers/free-port.ts';
import type { RunningProcess } from '../helpers/process.ts';
import { type RedisServer, startRedis } from '../helpers/redis-server.ts';
import { until } from '../helpers/until.ts';
import { millrace, ran, untilReady } from './millrace.ts';

const HANDLERS = fileURLToPath(new URL('./fixtures/ordered-handlers.mjs', import.meta.url));
const KEYS = ['ana', 'bob', 'cem', 'dua', 'eva'];
const TTL_MS = 1_000;

/** An API, workers and a drain of one Faktory and one Redis; each with the PARTITIONS that it is told. */
class Site implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'millrace-drain-'));
  readonly ledger = join(this.#folder, 'ledger');
  readonly gate = join(this.#folder, 'gate');
  readonly faktory: RunningFaktory;
  readonly redis: RedisServer;

  constructor(faktory: RunningFaktory, redis: RedisServer) {
    this.faktory = faktory;
    this.redis = redis;
  }

  env(partitions: number): Record<string, string> {
    return {
      FAKTORY_URL: this.faktory.url,
      REDIS_URL: this.redis.url,
      PARTITIONS: String(partitions),
      PARTITIONS_PER_POD: '8',
      PARTITION_LEASE_TTL_MS: String(TTL_MS),
      LEDGER: this.ledger,
      GATE: this.gate,
    };
  }

  async api(partitions: number): Promise<{ child: RunningProcess; url: string }> {
    const port = await freePort();
    const child = millrace(['api'], { env: { ...this.env(partitions), API_PORT: String(port) } });
    const url = `http://127.0.0.1:${port}`;
    await untilReady(url);
    return { child, url };
  }

  /** With what it answers at /ready. */
  async worker(partitions: number): Promise<{ child: RunningProcess; ready(): Promise<string> }> {
    const port = String(await freePort());
    const env = { ...this.env(partitions), METRICS_PORT: port };
    const child = millrace(['worker', HANDLERS], { env });
    await child.waitForLine(/the worker runs jobs of/);
    return {
      child,
      ready: async () => {
        const answer = await fetch(`http://127.0.0.1:${port}/ready`);
        return `${answer.status} ${await answer.text()}`;
      },
    };
  }

  drain(partitions: number, ...args: string[]): RunningProcess {
    return millrace(['partitions', 'drain', ...args], { env: this.env(partitions) });
  }

  openGate(): void {
    writeFileSync(this.gate, '');
  }

  /** Of each key, which jobs ran, in order, and under which PARTITIONS. */
  runs(): Record<string, string[]> {
    const lines = existsSync(this.ledger) ? readFileSync(this.ledger, 'utf8').trim().split('\n') : [];
    const runs: Record<string, string[]> = {};
    for (const line of lines.filter((each) => each !== '')) {
      const [key, i, partitions] = line.split(' ');
      runs[key!] = [...(runs[key!] ?? []), `${i} of ${partitions}`];
    }
    return runs;
  }

  async untilRan(count: number): Promise<void> {
    const all = () => Object.values(this.runs()).flat();
    await until(() => all().length === count, {
      timeoutMs: 30_000,
      what: () => `${count} runs: ${JSON.stringify(this.runs())}`,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function push(url: string, key: string | undefined, i: number) {
  const response = await fetch(`${url}/jobs/step`, {
    method: 'POST',
    headers: key === undefined ? {} : { 'partition-key': key },
    body: JSON.stringify([key ?? 'none', i]),
  });
  const { error } = (await response.json()) as { error?: { code: string } };
  return {
    status: response.status,
    code: error?.code,
    retryAfter: response.headers.get('retry-after') ?? undefined,
  };
}

/** One after another, each key taking turns. */
async function pushRow(url: string, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i += 1)
    for (const key of KEYS) expect(await push(url, key, i), `${key} ${i}`).toMatchObject({ status: 202 });
}

/** Exit code and last line of a worker that is refused. One that has not reached Redis soon runs without: another is tried. */
function endOfWorker(env: Record<string, string>): Promise<[number | null, string | undefined]> {
  return until(
    async () => {
      await using child = millrace(['worker', HANDLERS], { env });
      await child.waitForLine(/PARTITIONS is \d+, but|once Redis is there/);
      if (child.output.includes('once Redis is there')) return undefined;
      const { code } = await child.waitForExit();
      return [code, child.lines.at(-1)];
    },
    { timeoutMs: 30_000, what: 'a worker that ends by itself' },
  );
}

/** Of a Redis that is there, as soon as it is reached. */
const untilReached = (coordinator: RedisCoordinator) =>
  until(
    () =>
      coordinator.status().then(
        () => true,
        () => false,
      ),
    { what: 'a Redis that answers' },
  );

const REFUSED = { status: 503, code: 'PARTITION_LAYOUT', retryAfter: '30' };

describeWithRedis('changing PARTITIONS', () => {
  describeOnEachFaktory('drained first', (faktoryUnderTest) => {
    it('from 2 to 3: refused meanwhile, and the order of each key holds across it', async () => {
      await using redis = await startRedis();
      await using faktory = await faktoryUnderTest.start();
      await using site = new Site(faktory, redis);
      const old = await site.api(2);
      await using _old = old.child;
      const worker = await site.worker(2);
      await using _worker = worker.child;
      await pushRow(old.url, 0, 6);

      await using drain = site.drain(2);
      await drain.waitForLine(
        /^default: \d+ jobs of 2 partitions \(of 2\) are not done, most in partition \d/,
      );
      expect(await push(old.url, 'ana', 6)).toEqual(REFUSED);
      expect((await push(old.url, undefined, 0)).status).toBe(202);
      const status = await ran(['partitions', 'status'], { env: site.env(2) });
      expect(status.lines[1]).toMatch(/^it is being drained, for \d+ s by now: /);
      // Whoever has the new number already is told what to wait for.
      expect(await endOfWorker(site.env(3))).toEqual([
        1,
        expect.stringMatching(
          /^millrace: PARTITIONS is 3, but queue default has 2 partitions, \d+ of whose jobs are not done/,
        ),
      ]);
      expect(drain.exited).toBeUndefined();

      site.openGate();
      expect(await drain.waitForExit({ timeoutMs: 40_000 })).toMatchObject({ code: 0 });
      expect(drain.output).toMatch(/^queue default is drained: no job waits in its 2 partitions/m);
      expect(drain.output).toMatch(/^Now set PARTITIONS to the new number/m);
      expect(await push(old.url, 'ana', 6)).toEqual(REFUSED);

      await Promise.all([old.child.stop(), worker.child.stop()]);
      const api = await site.api(3);
      await using _api = api.child;
      const next = await site.worker(3);
      await using _next = next.child;
      await pushRow(api.url, 6, 12);
      await site.untilRan(12 * KEYS.length + 1);
      const ofKey = Array.from({ length: 12 }, (_, i) => `${i} of ${i < 6 ? 2 : 3}`);
      expect(site.runs()).toEqual({
        none: ['0 of 2'],
        ...Object.fromEntries(KEYS.map((key) => [key, ofKey])),
      });
    });

    it('from 4 to 2, and nobody restarts the old ones: they are told, and do no harm', async () => {
      await using redis = await startRedis();
      await using faktory = await faktoryUnderTest.start();
      await using site = new Site(faktory, redis);
      site.openGate();
      const old = await site.api(4);
      await using _old = old.child;
      const worker = await site.worker(4);
      await using _worker = worker.child;
      await pushRow(old.url, 0, 3);
      const { code } = await ran(['partitions', 'drain'], { env: site.env(4) });
      expect(code).toBe(0);

      const api = await site.api(2);
      await using _api = api.child;
      const next = await site.worker(2);
      await using _next = next.child;
      await pushRow(api.url, 3, 6);
      await worker.child.waitForLine(
        /no partition of queue default is worked on here any more.*set PARTITIONS=2 and restart/,
      );
      expect(await worker.ready()).toMatch(/^503 .*queue default has 2 partitions by now/);
      expect(await next.ready()).toMatch(/^200 /);
      expect(await push(old.url, 'ana', 6)).toEqual(REFUSED);
      const done = () => KEYS.every((key) => site.runs()[key]?.at(-1) === '5 of 2');
      await until(done, { timeoutMs: 30_000, what: () => JSON.stringify(site.runs()) });
      for (const runs of Object.values(site.runs())) {
        const numbers = runs.map((run) => Number(run[0]));
        // The old worker may get one before it knows: that one runs again, in its place.
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
        expect([...new Set(numbers)]).toEqual([0, 1, 2, 3, 4, 5]);
        expect(runs.filter((run) => run.endsWith('of 2'))).toEqual(['3 of 2', '4 of 2', '5 of 2']);
      }
      expect((await push(old.url, undefined, 0)).status).toBe(202);
      await until(() => site.runs().none !== undefined, { what: 'a job without a key that has run' });
      expect(worker.child.lines.filter((line) => line.includes('worked on here any more'))).toHaveLength(1);
      expect((await worker.child.stop()).code).toBe(0);
    });
  });

  describe('the drain', () => {
    it('ends by --timeout or Ctrl-C with 1, and the mark stays; --cancel takes it back', async () => {
      await using redis = await startRedis();
      await using faktory = await startEmbeddedFaktory();
      await using site = new Site(faktory, redis);
      const api = await site.api(2);
      await using _api = api.child;
      await pushRow(api.url, 0, 1);

      const late = await ran(['partitions', 'drain', '--timeout', '1'], { env: site.env(2) });
      expect([late.code, late.lines.at(-1)]).toEqual([
        1,
        expect.stringMatching(
          /^still being drained: default\. .*millrace partitions drain --cancel --queue default$/,
        ),
      ]);
      expect(await push(api.url, 'ana', 1)).toEqual(REFUSED);
      await using drain = site.drain(2);
      await drain.waitForLine(/; \d of these have no worker$/);
      drain.kill('SIGINT');
      expect(await drain.waitForExit()).toEqual({ code: 1, signal: null });
      expect(drain.lines.at(-1)).toMatch(/^still being drained: default\./);

      await using other = site.drain(7);
      await other.waitForLine(/^default: 5 jobs of 2 partitions \(of 2\)/);
      const cancel = await ran(['partitions', 'drain', '--cancel'], { env: site.env(2) });
      expect(cancel).toEqual({
        code: 0,
        lines: [
          'queue default is not drained any more: it takes jobs with a key into its 2 partitions again',
        ],
      });
      expect(await other.waitForExit()).toMatchObject({ code: 1 });
      expect(other.output).toContain('it was taken back by somebody else, or Redis was emptied');
      expect(await push(api.url, 'ana', 1)).toMatchObject({ status: 202 });
      const again = await ran(['partitions', 'drain', '--cancel', '--json'], { env: site.env(2) });
      expect(again.lines.map((line) => JSON.parse(line))).toEqual([
        { queues: [{ queue: 'default', partitions: 2, wasDraining: false }] },
      ]);
    });

    it('goes on without numbers that no job has by --skip-missing, once no worker is there', async () => {
      await using redis = await startRedis();
      await using faktory = await startEmbeddedFaktory();
      await using site = new Site(faktory, redis);
      const link = new RedisLink({ address: parseRedisUrl(redis.url), logger: SILENT });
      const shared = { queue: 'default', ttlMs: TTL_MS, link, logger: SILENT };
      const coordinator = new RedisCoordinator({ ...shared, partitions: 2 });
      const other = new RedisCoordinator({ ...shared, partitions: 3 });
      try {
        await untilReached(coordinator);
        await coordinator.agree({ untouched: true });
        await coordinator.begin([0, 1]);
        // Its pusher died before it had pushed them.
        await coordinator.numbers([{ partition: 1, count: 3 }]);
        // For as long as the test takes.
        const member = new RedisCoordinator({ ...shared, ttlMs: 60_000, partitions: 2 });
        await member.look({ owner: 'worker', count: 0, most: 1 });
        await using drain = site.drain(2, '--skip-missing');
        await drain.waitForLine(
          /^default: 3 jobs of 1 partition \(of 2\) are not done, most in partition 1 \(3\); 1 of these has no worker$/,
        );
        await expect(other.agree()).rejects.toMatchObject({ code: 'PARTITION_LAYOUT' });
        expect(drain.output).not.toContain('gone on without');
        await coordinator.leave('worker');
        expect(await drain.waitForExit()).toMatchObject({ code: 0 });
        expect(drain.lines.filter((line) => line.includes('gone on without'))).toEqual([
          'queue default: what is missing of partition 1 is gone on without; it runs if it comes after all',
          '  but for 3 jobs that were gone on without: one that comes later, say by a requeue from Dead, runs when it comes',
        ]);
        await other.agree();
        expect(await other.status()).toMatchObject({ partitions: 3, drainingMs: undefined });
      } finally {
        link.close();
      }
    });

    it('has nothing to do where there are no partitions, as --json says', async () => {
      await using redis = await startRedis();
      await using faktory = await startEmbeddedFaktory();
      await using site = new Site(faktory, redis);
      const { code, lines } = await ran(['partitions', 'drain', '--queue', 'a', 'b', '--json'], {
        env: site.env(2),
      });
      expect([code, lines.map((line) => JSON.parse(line))]).toEqual([
        0,
        [
          {
            queues: [
              { queue: 'a', partitions: 0, is: 'none' },
              { queue: 'b', partitions: 0, is: 'none' },
            ],
            sets: { scheduled: 0, retries: 0, working: 0, dead: 0 },
          },
        ],
      ]);
    });

    it.each([
      [
        [],
        {},
        'set REDIS_URL: without Redis nothing keeps the number of partitions, and nothing can be drained',
      ],
      [['--cancel', '--timeout', '5'], {}, '--cancel takes neither --timeout nor --skip-missing'],
      [['--timeout', 'soon'], {}, '--timeout is "soon", it takes a whole number from 1 to 1000000'],
    ])('%j: one line, exit 1', async (args, env, line) => {
      const { code, lines } = await ran(['partitions', 'drain', ...args], { env });
      expect([code, lines]).toEqual([1, [`millrace: ${line}`]]);
    });
  });
});
