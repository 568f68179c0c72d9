/**
 * Reservations: the jobs that workers hold. They belong to no connection and to no worker; whoever knows the jid may
 * report it. One is kept for each jid: of two jobs with the same jid the later reservation counts.
 */
import { nextTick, type TimedWork } from '../scheduler.ts';
import type { StoredJob } from './stored-job.ts';

export class Working implements TimedWork {
  readonly #every: number;
  readonly #wake: (at: number) => void;
  readonly #onExpired: (job: StoredJob) => void;
  #held = new Map<string, StoredJob>();
  /** Held when FLUSH came: they can still be reported, count no more, and expire without a word. */
  #flushed = new Map<string, StoredJob>();
  /** No reservation ends before: a lower bound, put right by each scan. */
  #earliest = Number.POSITIVE_INFINITY;
  /** Reservations that expired: INFO tells. */
  reaped = 0;

  /** Expired ones are handed to `onExpired` by a scan every `every` ms. */
  constructor(every: number, wake: (at: number) => void, onExpired: (job: StoredJob) => void) {
    this.#every = every;
    this.#wake = wake;
    this.#onExpired = onExpired;
  }

  get size(): number {
    return this.#held.size;
  }

  /** With those that FLUSH made forgotten. */
  get busy(): number {
    return this.#held.size + this.#flushed.size;
  }

  reserve(job: StoredJob, now: number): void {
    job.expiresAt = now + job.leaseMs;
    this.#held.set(job.jid, job);
    if (this.#flushed.size > 0) this.#flushed.delete(job.jid);
    if (job.expiresAt < this.#earliest) {
      this.#earliest = job.expiresAt;
      this.#wake(this.due());
    }
  }

  /** Ends a reservation and returns its job; undefined when nobody holds it. */
  release(jid: string): StoredJob | undefined {
    const job = this.#held.get(jid);
    if (job !== undefined) this.#held.delete(jid);
    return job;
  }

  /** Ends a reservation that was made before FLUSH; false when there is none. */
  releaseFlushed(jid: string): boolean {
    return this.#flushed.delete(jid);
  }

  flush(): void {
    for (const [jid, job] of this.#held) this.#flushed.set(jid, job);
    this.#held = new Map();
  }

  due(): number {
    return nextTick(this.#earliest, this.#every);
  }

  run(now: number): void {
    this.#earliest = Number.POSITIVE_INFINITY;
    for (const job of this.#flushed.values()) {
      if (job.expiresAt <= now) this.#flushed.delete(job.jid);
      else this.#earliest = Math.min(this.#earliest, job.expiresAt);
    }
    for (const job of this.#held.values()) {
      if (job.expiresAt > now) {
        this.#earliest = Math.min(this.#earliest, job.expiresAt);
        continue;
      }
      this.#held.delete(job.jid);
      this.reaped += 1;
      this.#onExpired(job);
    }
  }

  [Symbol.iterator](): IterableIterator<StoredJob> {
    return this.#held.values();
  }
}
