/**
 * How Faktory's queues and sets fare, for metrics and for people: no older than 15 s (info.ts), tokens left out. The
 * latencies belong to the INFO that named the queues, and are asked once for it.
 */
import { rawCommand } from '../protocol/commands.ts';
import type { FaktoryInfo } from '../protocol/info.ts';
import { isWakeQueue } from '../protocol/wake-queue.ts';
import type { Address } from './address.ts';
import { request } from './command.ts';
import type { Connection } from './connection.ts';
import { askInfo } from './info.ts';
import type { Lanes } from './lanes.ts';

export interface QueueReport {
  /** When Faktory was asked (ms, monotonic: `performance.now()`). */
  askedAt: number;
  /** By queue: its jobs, and, of the first 100 queues, how long the oldest of them has waited, in seconds. */
  queues: Record<string, { size: number; latencySeconds: number | undefined }>;
  /** Jobs in Scheduled, Working, Retries and Dead. */
  sets: Record<'scheduled' | 'working' | 'retries' | 'dead', number>;
}

/** One command asks for so many queues. */
const MOST_LATENCIES = 100;

type Latencies = ReadonlyMap<string, number>;
/** Kept as long as the INFO is (info.ts). */
const kept = new WeakMap<FaktoryInfo, Promise<Latencies>>();

/** Rejects as `askInfo` does. A latency that Faktory cannot tell, or was not asked for, is left out. */
export async function askQueues(address: Address, lanes: Lanes): Promise<QueueReport> {
  const { info, askedAt } = await askInfo(address, lanes);
  const { scheduled, working, retries, dead } = info.faktory.sets;
  const sizes = Object.entries(info.faktory.queues ?? {}).filter(([queue]) => !isWakeQueue(queue));
  const names = sizes.slice(0, MOST_LATENCIES).map(([queue]) => queue);
  const latencies = await latenciesOf(info, names, lanes);
  const queues = sizes.map(([queue, size]) => [queue, { size, latencySeconds: latencies.get(queue) }]);
  return { askedAt, queues: Object.fromEntries(queues), sets: { scheduled, working, retries, dead } };
}

async function latenciesOf(info: FaktoryInfo, queues: string[], lanes: Lanes): Promise<Latencies> {
  const known = kept.get(info);
  if (known !== undefined) return known;
  const lane = lanes.idlest();
  // Nothing is asked: the next may try.
  if (lane === undefined || queues.length === 0) return new Map();
  const asked = askLatencies(lane, queues);
  kept.set(info, asked);
  return asked;
}

/** Never rejects: a report without latencies is one, too. */
async function askLatencies(lane: Connection, queues: string[]): Promise<Latencies> {
  try {
    const reply = await request(lane, rawCommand(['QUEUE', 'LATENCY', ...queues]));
    const latencies: object = JSON.parse(reply ?? '{}') ?? {};
    // A queue may be called `constructor`: of an object, only what the reply names is a latency.
    return new Map(Object.entries(latencies).filter(([, seconds]) => typeof seconds === 'number'));
  } catch {
    return new Map();
  }
}
