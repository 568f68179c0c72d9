/** FETCHes that found nothing and wait: a push wakes the one that has waited longest for its queue, at once. */
import { Deadlines } from '../deadlines.ts';
import type { Scheduler } from '../scheduler.ts';
import type { StoredJob } from './stored-job.ts';

/** How long a FETCH waits on empty queues. */
const FETCH_BLOCK_MS = 2000;

/** Who waits; a connection has one FETCH waiting at most. */
export interface Waiter {
  onJob(job: StoredJob): void;
  onNothing(): void;
}

export class Waiters {
  readonly #byQueue = new Map<string, Set<Waiter>>();
  readonly #queuesOf = new Map<Waiter, readonly string[]>();
  readonly #deadlines: Deadlines<Waiter>;

  constructor(scheduler: Scheduler) {
    this.#deadlines = new Deadlines(FETCH_BLOCK_MS, scheduler.wake, (waiter) => {
      this.#forget(waiter);
      waiter.onNothing();
    });
    scheduler.add(this.#deadlines);
  }

  get size(): number {
    return this.#queuesOf.size;
  }

  /** Waits for a job of any of the queues; with none, only for the time to pass. */
  add(waiter: Waiter, queues: readonly string[], now: number): void {
    this.#queuesOf.set(waiter, queues);
    for (const queue of queues) {
      const waiters = this.#byQueue.get(queue);
      if (waiters === undefined) this.#byQueue.set(queue, new Set([waiter]));
      else waiters.add(waiter);
    }
    this.#deadlines.add(waiter, now);
  }

  /** Takes out the one that has waited longest for the queue. */
  takeFirst(queue: string): Waiter | undefined {
    if (this.#queuesOf.size === 0) return undefined;
    const waiters = this.#byQueue.get(queue);
    if (waiters === undefined) return undefined;
    for (const waiter of waiters) {
      this.drop(waiter);
      return waiter;
    }
    return undefined;
  }

  /** Forgets one that waits no longer, its connection gone; harmless for one that did not wait. */
  drop(waiter: Waiter): void {
    if (this.#deadlines.delete(waiter)) this.#forget(waiter);
  }

  #forget(waiter: Waiter): void {
    for (const queue of this.#queuesOf.get(waiter) ?? []) {
      const waiters = this.#byQueue.get(queue);
      waiters?.delete(waiter);
      if (waiters?.size === 0) this.#byQueue.delete(queue);
    }
    this.#queuesOf.delete(waiter);
  }
}
