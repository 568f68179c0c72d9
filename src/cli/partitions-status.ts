/** Carries out `millrace partitions status`. */
import type { Config } from '../config.ts';
import { partitionQueue, queuesBeyond } from '../partitions/layout.ts';
import type { RedisLink } from '../redis.ts';
import { linkOf } from './link.ts';
import { FaktoryBacklog } from './partitions-backlog.ts';
import { coordinatorOf, openRedis, patiently } from './partitions-redis.ts';
import { type QueueStatus, rowOf } from './partitions-row.ts';
import { statusText } from './partitions-text.ts';

export interface StatusRequest {
  config: Config;
  queues: readonly string[];
  json: boolean;
}

/** Whether all is well. Throws CONFIG_INVALID, REDIS_UNAVAILABLE, and what keeps Faktory away. */
export async function runStatus({ config, queues, json }: StatusRequest): Promise<boolean> {
  const link = openRedis(config, 'without Redis partitions have fixed owners, and no status');
  const { Client } = await import('../client/client.ts');
  const client = new Client(linkOf(config, false).connect);
  try {
    await client.connect();
    const faktory = new FaktoryBacklog((command) => client.send(command));
    const all: QueueStatus[] = [];
    for (const queue of queues) all.push(await statusOf(queue, config, link, faktory));
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
  // It shows the layout that is there, whatever PARTITIONS says here.
  const coordinator = coordinatorOf(queue, config, link);
  const status = await patiently(() => coordinator.status());
  if (status === undefined)
    return { queue, partitions: 0, members: [], calmMs: 0, drainingMs: null, rows: [], beyond: [] };
  const backlogs = await faktory.of(status.each.map(({ partition }) => partitionQueue(queue, partition)));
  return {
    queue,
    partitions: status.partitions,
    members: status.members,
    calmMs: status.calmMs,
    drainingMs: status.drainingMs ?? null,
    rows: status.each.map((each, i) => rowOf(each, backlogs[i]!, ttlMs)),
    beyond: queuesBeyond(queue, status.partitions, (await faktory.sizes()).queues),
  };
}
