/** The scene of the tests of order: Redis behind a relay of its own, keyed jobs pushed without end, and the proof. */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { isMillraceError } from '../../src/errors.ts';
import { SILENT } from '../../src/logger.ts';
import { RedisCoordinator } from '../../src/partitions/redis-coordinator.ts';
import { newJid } from '../../src/protocol/job.ts';
import { parseRedisUrl, RedisLink } from '../../src/redis.ts';
import { type RedisServer, startRedis } from '../helpers/redis-server.ts';
import { type Relay, startRelay } from '../helpers/relay.ts';
import { until } from '../helpers/until.ts';
import type { Ledger } from './ledger.ts';
import { type OrderRun, orderFaults, parseRuns } from './order-check.ts';
import { type Load, type Stage, setStage, type WorkerProcess } from './stage.ts';

const HANDLERS = fileURLToPath(new URL('./order-handlers.mjs', import.meta.url));
const QUEUE = 'orders';
const AGAIN_MS = 100;

export interface OrderStageOptions {
  readonly partitions?: number;
  readonly ttlMs?: number;
}

/** Everything leads through relays, the client too. */
export async function setOrderStage(
  ledger: Ledger,
  { partitions = 8, ttlMs = 2_000 }: OrderStageOptions = {},
): Promise<OrderStage> {
  const redis = await startRedis();
  const toRedis = await startRelay({ host: '127.0.0.1', port: redis.port });
  const stage = await setStage(ledger);
  return new OrderStage({ ledger, redis, toRedis, stage, partitions, ttlMs });
}

interface Parts {
  ledger: Ledger;
  redis: RedisServer;
  toRedis: Relay;
  stage: Stage;
  partitions: number;
  ttlMs: number;
}

export class OrderStage implements AsyncDisposable {
  readonly ledger: Ledger;
  readonly redis: RedisServer;
  readonly toRedis: Relay;
  readonly stage: Stage;
  readonly partitions: number;
  readonly ttlMs: number;
  readonly client: Client;
  readonly #link: RedisLink;
  readonly #coordinator: RedisCoordinator;
  /** By key: the places of those that Faktory has. */
  readonly stored = new Map<string, number[]>();
  /** Jobs of a key that nobody knows of. */
  unknown = 0;

  constructor({ ledger, redis, toRedis, stage, partitions, ttlMs }: Parts) {
    this.ledger = ledger;
    this.redis = redis;
    this.toRedis = toRedis;
    this.stage = stage;
    this.partitions = partitions;
    this.ttlMs = ttlMs;
    this.#link = new RedisLink({ address: parseRedisUrl(redis.url), logger: SILENT });
    this.#coordinator = new RedisCoordinator({
      queue: QUEUE,
      partitions,
      ttlMs,
      link: this.#link,
      logger: SILENT,
    });
    const kept = { count: partitions, leaseTtlMs: ttlMs, redisUrl: this.#redisUrl };
    this.client = new Client({ url: stage.relay.url, logger: false, partitions: kept });
  }

  get #redisUrl(): string {
    return `redis://127.0.0.1:${this.toRedis.port}`;
  }

  startWorker(env: Record<string, string> = {}): Promise<WorkerProcess> {
    return this.stage.startWorker({
      handlers: HANDLERS,
      env: {
        WORKER_QUEUES: QUEUE,
        PARTITIONS: String(this.partitions),
        PARTITIONS_PER_POD: String(this.partitions),
        PARTITION_LEASE_TTL_MS: String(this.ttlMs),
        REDIS_URL: this.#redisUrl,
        ...env,
      },
    });
  }

  /** Jobs of so many keys, each key's one after another. */
  keepPushing(keys: number, everyMs: number): Load {
    let isOn = true;
    const loops = Array.from({ length: keys }, async (_, i) => {
      const key = `key-${i}`;
      for (let index = 0; isOn; ) {
        if (await this.#push(key, index)) index += 1;
        await pause(everyMs * (0.5 + this.ledger.random()));
      }
    });
    return {
      stop: async () => {
        isOn = false;
        await Promise.all(loops);
      },
    };
  }

  /** Whether its place is taken by now: what was certainly not stored is pushed again. */
  async #push(key: string, index: number): Promise<boolean> {
    const jid = newJid();
    const fails = index % 211 === 7 ? 1 : 0;
    const args = [key, index, { ms: 4, fails }];
    try {
      const job = { jid, jobtype: 'keyed', queue: QUEUE, args, reserve_for: 60, retry: 10 };
      await this.client.push(job, { partitionKey: key });
    } catch (error) {
      if (isMillraceError(error, 'DELIVERY_UNKNOWN')) {
        this.unknown += 1;
        this.ledger.unknown(jid);
        return true;
      }
      await pause(AGAIN_MS);
      return false;
    }
    this.ledger.accepted(jid);
    const stored = this.stored.get(key) ?? [];
    this.stored.set(key, stored);
    stored.push(index);
    return true;
  }

  /** How many partitions each owner has, as Redis has it, asked beside the relay. */
  async owners(): Promise<Map<string, number>> {
    // Undefined before the first of them has said how the queue is split.
    const each = (await this.#coordinator.status())?.each ?? [];
    const counts = new Map<string, number>();
    for (const { owner } of each) if (owner !== undefined) counts.set(owner, (counts.get(owner) ?? 0) + 1);
    return counts;
  }

  runs(): OrderRun[] {
    return parseRuns(readFileSync(this.ledger.file, 'utf8'));
  }

  /** Waits until handlers have started in all partitions since `since`, and says when the last of them did. */
  async untilAllRun(since: number, timeoutMs = 30_000): Promise<number> {
    let firsts = new Map<number, number>();
    const all = (): boolean => {
      firsts = new Map();
      for (const { what, at, partition } of this.runs())
        if (what === 'start' && at > since && !firsts.has(partition)) firsts.set(partition, at);
      return firsts.size === this.partitions;
    };
    await until(all, {
      timeoutMs,
      everyMs: 50,
      what: () => `jobs in all partitions: ${[...firsts.keys()].sort()}`,
    });
    return Math.max(...firsts.values());
  }

  /** Gaps that owners went on without, as they told them: a job that two faults in a row have met may be so late. */
  get skips(): string[] {
    return this.stage.workers.flatMap(({ process }) =>
      process.lines.filter((line) => line.includes('did not come in their turn')),
    );
  }

  /** Waits until all that is stored has run, and proves the order. Reservations of the dead are over by then. */
  async settle(timeoutMs = 240_000): Promise<void> {
    await this.stage.untilAllRan({ timeoutMs });
    const { skips } = this;
    this.ledger.note('starts', this.runs().filter(({ what }) => what === 'start').length);
    this.ledger.note('gaps gone on without', skips.length);
    this.ledger.settle();
    const faults = orderFaults(this.runs(), this.stored);
    if (skips.length > 0) console.log([...skips, ...faults].join('\n'));
    else expect(faults).toEqual([]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.race([this.client.close().catch(() => {}), pause(1_000, undefined, { ref: false })]);
    await this.stage[Symbol.asyncDispose]();
    this.#coordinator.close();
    this.#link.close();
    await this.toRedis.close();
    await this.redis[Symbol.asyncDispose]();
  }
}
