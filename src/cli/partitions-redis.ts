/** How `millrace partitions` asks the Redis of partitions. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { isMillraceError, MillraceError } from '../errors.ts';
import { RedisCoordinator } from '../partitions/redis-coordinator.ts';
import { parseRedisUrl, RedisLink } from '../redis.ts';
import { loggerOf } from './link.ts';

/** A Redis that is only slow to be reached is waited for so long: a command has no second chance, as a push has. */
const PATIENCE_MS = 5_000;
const AGAIN_AFTER_MS = 100;

/** `without`: what there is not without REDIS_URL. Throws CONFIG_INVALID. */
export function openRedis(config: Config, without: string): RedisLink {
  if (config.REDIS_URL === undefined) throw new MillraceError('CONFIG_INVALID', `set REDIS_URL: ${without}`);
  return new RedisLink({ address: parseRedisUrl(config.REDIS_URL), logger: silent(config) });
}

/** `partitions`: how many there are; left out, it can only speak of the layout that is there. */
export function coordinatorOf(
  queue: string,
  config: Config,
  link: RedisLink,
  partitions = 1,
): RedisCoordinator {
  const ttlMs = config.PARTITION_LEASE_TTL_MS;
  return new RedisCoordinator({ queue, partitions, ttlMs, link, logger: silent(config) });
}

/** Rejects with REDIS_UNAVAILABLE after five seconds. */
export async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isMillraceError(error, 'REDIS_UNAVAILABLE') || performance.now() >= end) throw error;
      await pause(AGAIN_AFTER_MS);
    }
  }
}

/** What goes wrong is told by the command itself. */
const silent = (config: Config) => loggerOf({ ...config, LOG_LEVEL: 'silent' });
