/** Carries out `millrace partitions status`. */
import type { Config } from '../config.ts';
import { MillraceError, messageOf } from '../errors.ts';
import type { CoordinatorStatus } from '../partitions/coordinator.ts';
import { partitionQueue } from '../partitions/layout.ts';
import { RedisCoordinator } from '../partitions/redis-coordinator.ts';
import { checkQueueName } from '../protocol/job.ts';
import { parseRedisUrl, RedisLink } from '../redis.ts';
import { linkOf, loggerOf } from './link.ts';
import { type Backlog, type QueueStatus, rowOf } from './partitions-row.ts';
import { statusText } from './partitions-text.ts';

export interface StatusRequest {
  config: Config;
  queues: readonly string[] | undefined;
  json: boolean;
}

/** Whether all is well. Throws CONFIG_INVALID, REDIS_UNAVAILABLE, and what keeps Faktory away. */
export async function runStatus({ config, queues, json }: StatusRequest): Promise<boolean> {
  if (config.REDIS_URL === undefined)
    throw new MillraceError(
      'CONFIG_INVALID',
      'set REDIS_URL: without Redis partitions have fixed owners, and no status',
    );
  const names = (queues ?? queuesOf(config.WORKER_QUEUES)).map(checkQueueName);
  const link = new RedisLink({
    address: parseRedisUrl(config.REDIS_URL),
    logger: loggerOf({ ...config, LOG_LEVEL: 'silent' }),
  });
  const { Client } = await import('../client/client.ts');
  const client = new Client(linkOf(config, false).connect);
  try {
    await client.connect();
    const faktory = new FaktoryBacklog((command) => client.send(command));
    const all: QueueStatus[] = [];
    for (const queue of names) all.push(await statusOf(queue, config, link, faktory));
    if (json) console.log(JSON.stringify({ queues: all }));
    else console.log(all.map(statusText).join('\n\n'));
    return all.every(({ rows }) => rows.every(({ trouble }) => trouble === null));
  } finally {
    link.close();
    await client.close();
  }
}

async function statusOf(
  queue: string,
  config: Config,
  link: RedisLink,
  faktory: FaktoryBacklog,
): Promise<QueueStatus> {
  const ttlMs = config.PARTITION_LEASE_TTL_MS;
  const logger = loggerOf({ ...config, LOG_LEVEL: 'silent' });
  // It shows the layout that is there, whatever it is made with.
  const coordinator = new RedisCoordinator({
    queue,
    partitions: config.PARTITIONS || 1,
    ttlMs,
    link,
    logger,
  });
  const status = await coordinator.status();
  coordinator.close();
  if (status === undefined) return { queue, partitions: 0, members: [], calmMs: 0, rows: [] };
  const backlogs = await faktory.of(status.each.map(({ partition }) => partitionQueue(queue, partition)));
  return {
    queue,
    ...withoutEach(status),
    rows: status.each.map((each, i) => rowOf(each, backlogs[i]!, ttlMs)),
  };
}

function withoutEach({ partitions, members, calmMs }: CoordinatorStatus): Omit<CoordinatorStatus, 'each'> {
  return { partitions, members, calmMs };
}

/** So many names in one command. */
const AT_ONCE = 100;

/** INFO is asked once, whatever the number of queues: it is not for asking often. */
class FaktoryBacklog {
  readonly #send: (command: readonly string[]) => Promise<string>;
  #sizes: Promise<Record<string, number>> | undefined;

  constructor(send: (command: readonly string[]) => Promise<string>) {
    this.#send = send;
  }

  async of(queues: readonly string[]): Promise<Backlog[]> {
    this.#sizes ??= this.#askSizes();
    const sizes = await this.#sizes;
    const sizeOf = (queue: string) => (Object.hasOwn(sizes, queue) ? sizes[queue] : undefined);
    const waiting = queues.filter((queue) => (sizeOf(queue) ?? 0) > 0);
    const ages = new Map<string, number>();
    for (let i = 0; i < waiting.length; i += AT_ONCE) {
      const reply = await this.#latencies(waiting.slice(i, i + AT_ONCE));
      for (const [queue, seconds] of Object.entries(reply))
        if (typeof seconds === 'number') ages.set(queue, seconds);
    }
    return queues.map((queue) => ({ size: sizeOf(queue), ageSeconds: ages.get(queue) }));
  }

  async #askSizes(): Promise<Record<string, number>> {
    const reply = await this.#send(['INFO']);
    try {
      return (JSON.parse(reply) as { faktory: { queues?: Record<string, number> } }).faktory.queues ?? {};
    } catch (cause) {
      throw new MillraceError('PROTOCOL_VIOLATION', `INFO holds no sizes: ${messageOf(cause)}`, { cause });
    }
  }

  /** A job that an older version has requeued makes Faktory answer with an error: then ages are not known. */
  async #latencies(queues: readonly string[]): Promise<object> {
    try {
      return (JSON.parse(await this.#send(['QUEUE', 'LATENCY', ...queues])) as object | null) ?? {};
    } catch {
      return {};
    }
  }
}

function queuesOf(setting: Config['WORKER_QUEUES']): string[] {
  return Array.isArray(setting) ? setting : Object.keys(setting);
}
