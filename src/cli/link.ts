/** From the configuration to the options of Client and Worker. */
import type { ClientOptions } from '../client/client.ts';
import { type Config, faktoryPassword, faktoryUrl } from '../config.ts';
import { parseAddress, showAddress } from '../connection/address.ts';
import { ConnectionBudget } from '../connection/budget.ts';
import type { ConnectOptions } from '../connection/options.ts';
import { createLogger, type Logger } from '../logger.ts';
import { isLoopback } from '../loopback.ts';
import { memoryCoordinators, type PartitionsOptions } from '../partitions/open.ts';

export function loggerOf(config: Config): Logger {
  return createLogger({ level: config.LOG_LEVEL, pretty: config.LOG_PRETTY });
}

/** How a process reaches Faktory. */
export interface FaktoryLink {
  /** For Client and Worker: one budget of sockets for all that connect in the process. */
  readonly connect: ConnectOptions;
  /** The address, as it may be shown. */
  readonly where: string;
  /** How queues are split: the same for Client and Worker. */
  readonly partitions: PartitionsOptions;
}

/** By FAKTORY_URL, unless told where. Throws ADDRESS_INVALID, CONFIG_INVALID. Warns where Faktory is open to others. */
export function linkOf(config: Config, logger: Logger | false, url = faktoryUrl()): FaktoryLink {
  const password = faktoryPassword();
  const address = parseAddress(url, password);
  const where = showAddress(address);
  if (logger !== false && address.password === undefined && !isLoopback(address.host)) {
    logger.warn({}, `no FAKTORY_PASSWORD for ${where}: whoever reaches it may read and delete every job`);
  }
  const maxConnections = new ConnectionBudget(config.FAKTORY_MAX_CONNECTIONS);
  const partitions = partitionsOf(config);
  return {
    where,
    partitions,
    connect: { url, logger, maxConnections, ...(password === undefined ? {} : { password }) },
  };
}

/** By the settings. */
export function partitionsOf(config: Config): PartitionsOptions {
  return {
    count: config.PARTITIONS,
    leaseTtlMs: config.PARTITION_LEASE_TTL_MS,
    redisUrl: config.REDIS_URL,
  };
}

/** The same for a program that holds pushers and workers alike: without Redis, they are kept in its memory. */
export function partitionsWithin(config: Config): PartitionsOptions {
  const partitions = partitionsOf(config);
  if (config.PARTITIONS === 0 || config.REDIS_URL !== undefined) return partitions;
  const { PARTITIONS: count, PARTITION_LEASE_TTL_MS: leaseTtlMs } = config;
  return { ...partitions, coordinators: memoryCoordinators({ count, leaseTtlMs }) };
}

export function pushingOf(config: Config): ClientOptions {
  return {
    maxSize: config.BATCH_MAX_SIZE,
    maxDelayMs: config.BATCH_MAX_DELAY_MS,
    gather: config.BATCH_AUTO_ENABLED,
    maxInFlight: config.PUSH_MAX_IN_FLIGHT,
    maxInFlightBytes: config.PUSH_MAX_IN_FLIGHT_BYTES,
    jobDefaults: jobDefaultsOf(config),
  };
}

export function jobDefaultsOf(config: Config): { retry: number; reserveFor: number } {
  return { retry: config.JOB_RETRY, reserveFor: config.JOB_RESERVE_FOR };
}
