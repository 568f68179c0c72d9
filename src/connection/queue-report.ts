/** How Faktory's queues and sets fare, for metrics and for people: no older than 15 s (info.ts), tokens left out. */
import { rawCommand } from '../protocol/commands.ts';
import { isWakeQueue } from '../protocol/wake-queue.ts';
import type { Address } from './address.ts';
import { request } from './command.ts';
import { askInfo } from './info.ts';
import type { Lanes } from './lanes.ts';

export interface QueueReport {
  /** By queue: its jobs, and how long the oldest of them has waited, in seconds. */
  queues: Record<string, { size: number; latencySeconds: number | undefined }>;
  /** Jobs in Scheduled, Working, Retries and Dead. */
  sets: Record<'scheduled' | 'working' | 'retries' | 'dead', number>;
}

/** One command asks for so many queues. */
const MOST_LATENCIES = 100;

/** Rejects as `askInfo` does. A latency that Faktory cannot tell is left out. */
export async function askQueues(address: Address, lanes: Lanes): Promise<QueueReport> {
  const { info } = await askInfo(address, lanes);
  const { scheduled, working, retries, dead } = info.faktory.sets;
  const sizes = Object.entries(info.faktory.queues ?? {}).filter(([queue]) => !isWakeQueue(queue));
  const latencies = await askLatencies(
    lanes,
    sizes.slice(0, MOST_LATENCIES).map(([queue]) => queue),
  );
  const queues = sizes.map(([queue, size]) => [queue, { size, latencySeconds: latencies[queue] }]);
  return { queues: Object.fromEntries(queues), sets: { scheduled, working, retries, dead } };
}

async function askLatencies(lanes: Lanes, queues: string[]): Promise<Record<string, number>> {
  const lane = lanes.idlest();
  if (lane === undefined || queues.length === 0) return {};
  try {
    return JSON.parse((await request(lane, rawCommand(['QUEUE', 'LATENCY', ...queues]))) ?? '{}');
  } catch {
    return {};
  }
}
