/**
 * Wake tokens: FETCH that can be called back. Faktory runs every FETCH it has read, up to two seconds each on an
 * empty queue, even after the socket is gone. So every FETCH names its socket's *wake queue* first, and small jobs
 * pushed to it, the tokens, make as many waiting FETCHes return at once.
 *
 * The names are 64, shared by all workers, never removed: making and removing queues at run time races with INFO
 * inside Faktory and can end it. A token that reaches a stranger is ACKed there and costs one more FETCH.
 */
import { encodeJob } from '../protocol/job.ts';
import { isWakeQueue, WAKE_QUEUE_PREFIX as PREFIX } from '../protocol/wake-queue.ts';
import type { Pusher } from '../pushing/pusher.ts';

const NAMES = 64;

export { isWakeQueue };
export const WAKE_JOBTYPE = 'millrace-wake';

/** Whether a fetched job is a token. */
export function isWakeToken(job: { jobtype: string; queue: string }): boolean {
  return job.jobtype === WAKE_JOBTYPE && isWakeQueue(job.queue);
}

/**
 * Hands each socket a name that none of the worker's living sockets has. After a cut the next one is new, never
 * the dead socket's: its tokens must reach the FETCHes it left behind.
 */
export class WakeNames {
  readonly #inUse = new Set<number>();
  #next: number;

  constructor(random: number = Math.random()) {
    this.#next = Math.floor(random * NAMES);
  }

  take(): string {
    for (let tries = 0; tries < NAMES; tries += 1) {
      const index = this.#next;
      this.#next = (this.#next + 1) % NAMES;
      if (this.#inUse.has(index)) continue;
      this.#inUse.add(index);
      return nameOf(index);
    }
    return nameOf(this.#next);
  }

  giveBack(name: string): void {
    this.#inUse.delete(Number(name.slice(PREFIX.length)));
  }
}

/** Pushes tokens: `count` FETCHes that name the queue first return. Failing only makes a stop slower. */
export async function callBack(pusher: Pusher, wakeQueue: string, count: number): Promise<void> {
  const pushes: Promise<unknown>[] = [];
  for (let i = 0; i < count; i += 1) pushes.push(pusher.push(newToken(wakeQueue)));
  await Promise.allSettled(pushes);
}

function newToken(queue: string) {
  return encodeJob(
    { jobtype: WAKE_JOBTYPE, queue, args: [], retry: 0, reserve_for: 60 },
    { retry: 0, reserveFor: 60 },
  );
}

function nameOf(index: number): string {
  return `${PREFIX}${String(index).padStart(2, '0')}`;
}
