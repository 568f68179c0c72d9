/**
 * How a process opens what keeps its partitions: from the settings and options to one coordinator a queue. Client and
 * Worker take the same options, so that both speak of the same partitions.
 */
import { readSetting } from '../config.ts';
import { MillraceError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { parseRedisUrl, type RedisAddress, RedisLink } from '../redis.ts';
import type { Coordinator } from './coordinator.ts';
import { MOST_PARTITIONS } from './layout.ts';
import { MemoryCoordinator } from './memory-coordinator.ts';
import { RedisCoordinator } from './redis-coordinator.ts';

/** Partitions as a Client and a Worker take them. */
export interface PartitionsOptions {
  /** Parts that each queue is split into (default PARTITIONS; 0: none). The same for all pushers and workers. */
  count?: number;
  /** How long a partition stays with a worker that is not heard of any more (default PARTITION_LEASE_TTL_MS). */
  leaseTtlMs?: number;
  /** Redis that keeps numbers and owners (default REDIS_URL); undefined: none, and owners are fixed. */
  redisUrl?: string | undefined;
  /** What keeps them instead of Redis: of a program that has its pushers and workers in one process. */
  coordinators?: Coordinators;
}

/** The same with all filled in. */
export interface PartitionRules {
  /** 0: none. */
  readonly count: number;
  readonly ttlMs: number;
  /** Undefined: nothing keeps numbers; keyed jobs are only hashed to their queue, and owners are fixed. */
  readonly keptBy: RedisAddress | Coordinators | undefined;
}

/** The coordinators of the queues that are split, made as they are asked for. */
export interface Coordinators {
  /** Of a queue: the same object each time. */
  of(queue: string): Coordinator;
  /** Opens what it needs now rather than at the first use. */
  connect(): void;
  close(): void;
}

/** Throws CONFIG_INVALID. Without partitions nothing else is looked at. */
export function resolvePartitions(options: PartitionsOptions = {}): PartitionRules {
  const { count = readSetting('PARTITIONS'), leaseTtlMs, coordinators } = options;
  if (!Number.isSafeInteger(count) || count < 0 || count > MOST_PARTITIONS)
    throw new MillraceError(
      'CONFIG_INVALID',
      `partitions.count is ${String(count)}, it takes a whole number from 0 to ${MOST_PARTITIONS}`,
    );
  const ttlMs = leaseTtlMs ?? readSetting('PARTITION_LEASE_TTL_MS');
  if (count === 0) return { count, ttlMs, keptBy: undefined };
  if (coordinators !== undefined) return { count, ttlMs, keptBy: coordinators };
  const url = 'redisUrl' in options ? options.redisUrl : readSetting('REDIS_URL');
  return { count, ttlMs, keptBy: url === undefined ? undefined : parseRedisUrl(url) };
}

/** Undefined where nothing keeps numbers. What others share stays open when it is closed. */
export function openCoordinators(rules: PartitionRules, logger: Logger): Coordinators | undefined {
  const { keptBy } = rules;
  if (keptBy === undefined) return undefined;
  if ('of' in keptBy) return { of: (queue) => keptBy.of(queue), connect: () => keptBy.connect(), close() {} };
  return new RedisCoordinators(rules, keptBy, logger);
}

/**
 * Keeps all in this process: for `millrace dev`, and for tests. Give the same to the Client and to the Worker, as
 * `partitions: { count, coordinators }`.
 */
export function memoryCoordinators(options: {
  count: number;
  leaseTtlMs?: number;
  now?: () => number;
}): Coordinators {
  const { count: partitions, now } = options;
  const ttlMs = options.leaseTtlMs ?? readSetting('PARTITION_LEASE_TTL_MS');
  const made = new Map<string, Coordinator>();
  return {
    of: (queue) =>
      madeOnce(
        made,
        queue,
        () => new MemoryCoordinator({ queue, partitions, ttlMs, ...(now === undefined ? {} : { now }) }),
      ),
    connect() {},
    close() {},
  };
}

/** All of a process over one connection, which opens with the first use. */
class RedisCoordinators implements Coordinators {
  readonly #rules: PartitionRules;
  readonly #link: RedisLink;
  readonly #logger: Logger;
  readonly #made = new Map<string, Coordinator>();

  constructor(rules: PartitionRules, address: RedisAddress, logger: Logger) {
    this.#rules = rules;
    this.#logger = logger;
    this.#link = new RedisLink({ address, logger });
  }

  of(queue: string): Coordinator {
    const { count: partitions, ttlMs } = this.#rules;
    const shared = { partitions, ttlMs, link: this.#link, logger: this.#logger };
    return madeOnce(this.#made, queue, () => new RedisCoordinator({ queue, ...shared }));
  }

  connect(): void {
    this.#link.connect();
  }

  close(): void {
    for (const coordinator of this.#made.values()) coordinator.close();
    this.#link.close();
  }
}

function madeOnce(made: Map<string, Coordinator>, queue: string, make: () => Coordinator): Coordinator {
  const known = made.get(queue);
  if (known !== undefined) return known;
  const coordinator = make();
  made.set(queue, coordinator);
  return coordinator;
}
