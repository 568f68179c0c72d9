/** Which store keeps the keys of an API: Redis where REDIS_URL is set, else memory, unless that is not enough. */
import cluster from 'node:cluster';
import type { Registry } from 'prom-client';
import { readSetting } from '../../config.ts';
import type { Logger } from '../../logger.ts';
import { parseRedisUrl, type RedisAddress, RedisLink } from '../../redis.ts';
import { Idempotency } from './idempotency.ts';
import { MemoryStore } from './memory-store.ts';
import { addIdempotencyMetrics } from './metrics.ts';
import { RedisStore } from './redis-store.ts';

export interface IdempotencyOptions {
  /** Redis that keeps the keys (default REDIS_URL); undefined: this process's memory. */
  redisUrl?: string | undefined;
  /** Seconds that a key is kept (default IDEMPOTENCY_TTL_S, a day). */
  ttlS?: number;
  /** Whether other processes answer at the same address, so that memory would not do (default: as node:cluster says). */
  hasSiblings?: boolean;
}

/** The same with all filled in. */
export interface IdempotencyRules {
  readonly redis: RedisAddress | undefined;
  readonly ttlMs: number;
  readonly hasSiblings: boolean;
}

/** Throws CONFIG_INVALID. */
export function resolveIdempotency(options: IdempotencyOptions = {}): IdempotencyRules {
  const url = 'redisUrl' in options ? options.redisUrl : readSetting('REDIS_URL');
  return {
    redis: url === undefined ? undefined : parseRedisUrl(url),
    ttlMs: (options.ttlS ?? readSetting('IDEMPOTENCY_TTL_S')) * 1_000,
    hasSiblings: options.hasSiblings ?? cluster.isWorker,
  };
}

/** Undefined where keys cannot be kept: one of several processes, and no Redis. */
export function openIdempotency(
  { redis, ttlMs, hasSiblings }: IdempotencyRules,
  registry: Registry,
  logger: Logger,
): Idempotency | undefined {
  if (redis === undefined && hasSiblings) return undefined;
  const store =
    redis === undefined
      ? new MemoryStore({ ttlMs, logger })
      : new RedisStore({ link: new RedisLink({ address: redis, logger }), ttlMs });
  const idempotency = new Idempotency(store, logger);
  addIdempotencyMetrics(registry, idempotency, store);
  return idempotency;
}
