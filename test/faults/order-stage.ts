/** The scene of the tests of order: Redis behind a relay of its own, keyed jobs pushed without end, and the proof. */
import { appendFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from '../../src/client/client.ts';
import { isMillraceError } from '../../src/errors.ts';
import { SILENT } from '../../src/logger.ts';
import { partitionIn } from '../../src/partitions/layout.ts';
import { RedisCoordinator } from '../../src/partitions/redis-coordinator.ts';
import { newJid } from '../../src/protocol/job.ts';
import { parseRedisUrl, RedisLink } from '../../src/redis.ts';
import { type RedisServer, startRedis } from '../helpers/redis-server.ts';
import { type Relay, startRelay } from '../helpers/relay.ts';
import { until } from '../helpers/until.ts';
import type { Ledger } from './ledger.ts';
import { type OrderFacts, orderFaults, type Skip, unended } from './order-check.ts';
import { deathLine, OrderLog, type OrderRun } from './order-log.ts';
import { type Load, type Stage, setStage, type WorkerProcess } from './stage.ts';

const HANDLERS = fileURLToPath(new URL('./order-handlers.mjs', import.meta.url));
const QUEUE = 'orders';
const AGAIN_MS = 100;
const RESERVE_S = 60;
/** An owner waits for a missing number for as long as a reservation may hold its job, and Faktory takes to notice. */
const GAP_WAIT_MS = RESERVE_S * 1_000 + 75_000;
const MOST_TOLD = 30;

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
  readonly #log: OrderLog;
  #blocked = 0;

  constructor({ ledger, redis, toRedis, stage, partitions, ttlMs }: Parts) {
    this.ledger = ledger;
    this.#log = new OrderLog(ledger.file);
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

  /** Writes down that it is dead, which its own log cannot tell. */
  killWorker({ process }: WorkerProcess): void {
    appendFileSync(this.ledger.file, deathLine(process.pid));
    process.kill('SIGKILL');
  }

  /** Jobs of so many keys, each key's one after another, that take up to `ms`. */
  keepPushing(keys: number, everyMs: number, { ms = 4 } = {}): Load {
    let isOn = true;
    const loops = Array.from({ length: keys }, async (_, i) => {
      const key = `key-${i}`;
      for (let index = 0; isOn; ) {
        const fails = index % 211 === 7 ? 1 : 0;
        if (await this.#push(key, index, { ms, fails })) index += 1;
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

  /** A job that blocks its worker for so long, once the file `gate` is there if one is named. Resolves with its key. */
  async pushBlock(blockMs: number, gate?: string): Promise<string> {
    const key = `block-${this.#blocked}`;
    this.#blocked += 1;
    while (!(await this.#push(key, 0, { blockMs, gate })));
    return key;
  }

  /** Whether its place is taken by now: what was certainly not stored is pushed again. */
  async #push(key: string, index: number, how: object): Promise<boolean> {
    const jid = newJid();
    try {
      const args = [key, index, how];
      const job = { jid, jobtype: 'keyed', queue: QUEUE, args, reserve_for: RESERVE_S, retry: 10 };
      await this.client.push(job, { partitionKey: key });
    } catch (error) {
      if (isMillraceError(error, 'DELIVERY_UNKNOWN')) {
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

  /** How many partitions each owner has, as Redis has it, asked beside the relay; none while Redis does not answer. */
  async owners(): Promise<Map<string, number>> {
    const status = await this.#coordinator.status().catch((error) => {
      if (isMillraceError(error, 'REDIS_UNAVAILABLE')) return undefined;
      throw error;
    });
    const counts = new Map<string, number>();
    // Undefined before the first of them has said how the queue is split, too.
    for (const { owner } of status?.each ?? [])
      if (owner !== undefined) counts.set(owner, (counts.get(owner) ?? 0) + 1);
    return counts;
  }

  /** Every start of a handler so far. */
  get starts(): readonly OrderRun[] {
    return this.#log.starts;
  }

  /** The longest that a process has stood still, by its own word. */
  stoodStillMs(pid: number): number {
    const each = this.#log.lines.map((line) =>
      line.what === 'still' && line.pid === pid ? line.at - line.from : 0,
    );
    return each.reduce((longest, ms) => Math.max(longest, ms), 0);
  }

  /** Waits until handlers have started in all partitions since `since`, and says when the last of them did. */
  async untilAllRun(since: number, timeoutMs = 30_000): Promise<number> {
    let firsts = new Map<number, number>();
    const all = (): boolean => {
      firsts = new Map();
      for (const { at, partition } of this.starts)
        if (at > since && !firsts.has(partition)) firsts.set(partition, at);
      return firsts.size === this.partitions;
    };
    await until(all, {
      timeoutMs,
      everyMs: 50,
      what: () => `jobs in all partitions: ${[...firsts.keys()].sort()}`,
    });
    return Math.max(...firsts.values());
  }

  /** Numbers that owners went on without, as they told it. */
  get skips(): Skip[] {
    const lines = this.stage.workers.flatMap(({ process }) => process.lines);
    return lines.filter((line) => line.includes('did not come in their turn')).map(skipOf);
  }

  /** Worker processes that run. */
  get workerCount(): number {
    return this.stage.workers.filter(({ process }) => process.exited === undefined).length;
  }

  get #facts(): OrderFacts {
    const { stored, ttlMs, skips } = this;
    return { stored, ttlMs, skips, gapWaitMs: GAP_WAIT_MS };
  }

  /** How many of the stored jobs have not ended yet. */
  get waiting(): number {
    return unended(this.#log.lines, this.#facts).length;
  }

  /**
   * Waits until all that is stored has run, and proves the order. Reservations of the dead are over by then. `maySkip`:
   * a job that two faults in a row have met may be waited for in vain.
   */
  async settle({ timeoutMs = 240_000, maySkip = false } = {}): Promise<void> {
    let waiting = 0;
    const isDone = (): boolean => {
      waiting = this.waiting;
      return waiting === 0;
    };
    await until(isDone, {
      timeoutMs,
      everyMs: 500,
      what: () => `all jobs executed; ${waiting} are not`,
    }).finally(() => {
      this.ledger.note('starts', this.starts.length);
      this.ledger.note('gaps gone on without', this.skips.length);
      this.ledger.settle();
    });
    const faults = orderFaults(this.#log.lines, this.#facts);
    if (!maySkip) for (const skip of this.skips) faults.push(`gone on without ${JSON.stringify(skip)}`);
    if (faults.length === 0) return;
    const told = [...faults.slice(0, MOST_TOLD), ...(faults.length > MOST_TOLD ? ['…'] : [])];
    throw new Error(`the order is broken (${faults.length} faults):\n${told.join('\n')}`);
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

/** Of a line of a worker's log. */
function skipOf(line: string): Skip {
  const { time, queue, epoch, first, last, waitedMs } = JSON.parse(line) as Record<string, number> & {
    queue: string;
  };
  const partition = partitionIn(queue, QUEUE, Number.POSITIVE_INFINITY)!;
  return { at: time!, partition, epoch: epoch!, first: first!, last: last!, waitedMs: waitedMs! };
}
