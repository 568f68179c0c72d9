// Fake timers of a test leave these alone: drain must end whatever the test does to time.
import { clearTimeout, setTimeout } from 'node:timers';
import type { EmbeddedFaktory } from '../embedded/index.ts';
import { MillraceError } from '../errors.ts';
import { isWakeQueue } from '../protocol/wake-queue.ts';
import { selectJobs } from './jobs.ts';

export interface DrainOptions {
  /** How long to wait before giving up (default 4,000: less than vitest gives a test, so that this error is seen). */
  timeoutMs?: number;
}

const TIMEOUT_MS = 4_000;
/** So many jobtypes are named in the error. */
const NAMED = 5;

/**
 * Resolves when no queue holds a job and nobody works on one; what waits in Scheduled, Retries or Dead is not waited
 * for. Rejects with NOT_DRAINED, telling what was left.
 */
export function drained(faktory: EmbeddedFaktory, { timeoutMs = TIMEOUT_MS }: DrainOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      if (!faktory.isIdle(isWakeQueue)) return;
      end();
      resolve();
    };
    const unwatch = faktory.watch(look);
    const timeout = setTimeout(() => {
      end();
      reject(new MillraceError('NOT_DRAINED', `after ${timeoutMs} ms there is still ${whatIsLeft(faktory)}`));
    }, timeoutMs);
    const end = (): void => {
      unwatch();
      clearTimeout(timeout);
    };
    look();
  });
}

/** For people: what keeps a Faktory from being idle, and why that may be. */
export function whatIsLeft(faktory: EmbeddedFaktory): string {
  const { queues, workers } = faktory.counts();
  const left = Object.keys(queues)
    .filter((name) => queues[name]! > 0 && !isWakeQueue(name))
    .map((queue) => {
      const paused = faktory.isPaused(queue) ? ', which is paused' : '';
      return `${jobtypesOf(faktory, { queue, state: 'enqueued' })} in queue "${queue}"${paused}`;
    });
  const working = jobtypesOf(faktory, { state: 'working' });
  if (working !== '') left.push(`${working} that a worker holds`);
  const hints = [`${workers === 0 ? 'no' : workers} worker${workers === 1 ? ' is' : 's are'} connected`];
  if (faktory.faults.frozen) hints.push('Faktory is frozen');
  if (faktory.faults.refusesConnections) hints.push('it refuses connections');
  return `${left.join('; ')} (${hints.join('; ')})`;
}

/** `3 × add, 1 × mail` */
function jobtypesOf(
  faktory: EmbeddedFaktory,
  filter: { queue?: string; state: 'enqueued' | 'working' },
): string {
  const counts = new Map<string, number>();
  for (const { jobtype } of selectJobs(faktory, filter)) counts.set(jobtype, (counts.get(jobtype) ?? 0) + 1);
  const named = [...counts].slice(0, NAMED).map(([jobtype, count]) => `${count} × ${jobtype}`);
  if (counts.size > NAMED) named.push(`${counts.size - NAMED} jobtypes more`);
  return named.join(', ');
}
