import { Deque } from '../deque.ts';
import { MillraceError } from '../errors.ts';
import type { HeldJob } from './held-job.ts';
import { leaseLives, leaseShare, type Moment } from './lease.ts';

export interface SlotsEvents {
  /** A job takes a slot: run its handler. */
  onStart(held: HeldJob): void;
  /** A job whose lease ended: before it could start (it is dropped), or while it runs (its signal aborts). */
  onExpired(held: HeldJob): void;
  /** Its handler has used 80% of its reservation. */
  onSlow(held: HeldJob): void;
}

const WARN_SHARE = 0.8;

/** The slots (handlers that may run at once) and the jobs that wait for one. */
export class Slots {
  readonly #limit: number;
  readonly #events: SlotsEvents;
  readonly #running = new Set<HeldJob>();
  readonly #ready = new Deque<HeldJob>();
  #starting = false;
  #drainedWaiters: (() => void)[] = [];

  constructor(limit: number, events: SlotsEvents) {
    this.#limit = limit;
    this.#events = events;
  }

  get running(): number {
    return this.#running.size;
  }

  get ready(): number {
    return this.#ready.size;
  }

  /** Takes a fetched job: it starts at once if a slot is free. */
  add(held: HeldJob, now: Moment): void {
    this.#ready.push(held);
    this.#startReady(now);
  }

  /** Frees the slot of a job whose handler has ended. */
  finish(held: HeldJob, now: Moment): void {
    this.#running.delete(held);
    this.#startReady(now);
    if (this.#running.size === 0 && this.#ready.size === 0) this.#tellDrained();
  }

  /** A loop, not recursion: a handler that is not asynchronous ends inside onStart. */
  #startReady(now: Moment): void {
    if (this.#starting) return;
    this.#starting = true;
    try {
      while (this.#running.size < this.#limit && this.#ready.size > 0) this.#start(this.#ready.shift()!, now);
    } finally {
      this.#starting = false;
    }
  }

  #start(held: HeldJob, now: Moment): void {
    if (!leaseLives(held.lease, now)) {
      held.moveTo('settled');
      this.#events.onExpired(held);
      return;
    }
    this.#running.add(held);
    held.moveTo('running');
    this.#events.onStart(held);
  }

  /** Looks at the leases; called once a second, so that no job needs a timer. */
  sweep(now: Moment): void {
    for (const held of this.#running) {
      if (held.aborted) continue;
      if (!leaseLives(held.lease, now)) {
        held.abort(new MillraceError('LEASE_EXPIRED', `the reservation of job ${held.job.jid} ran out`));
        this.#events.onExpired(held);
      } else if (!held.warned && leaseShare(held.lease, now) >= WARN_SHARE) {
        held.warned = true;
        this.#events.onSlow(held);
      }
    }
  }

  abortAll(reason: MillraceError): void {
    for (const held of this.#running) held.abort(reason);
  }

  /** Takes out what waits for a slot, for hand-back. */
  takeReady(): HeldJob[] {
    const ready = [...this.#ready];
    this.#ready.clear();
    if (this.#running.size === 0) this.#tellDrained();
    return ready;
  }

  /** Takes out what still runs, for hand-back. */
  takeRunning(): HeldJob[] {
    const running = [...this.#running];
    this.#running.clear();
    this.#tellDrained();
    return running;
  }

  /** Takes out the jobs that have waited for a slot until a quarter of their reservation was gone. */
  takeStale(now: Moment): HeldJob[] {
    const stale: HeldJob[] = [];
    for (let held = this.#ready.peek(); held !== undefined; held = this.#ready.peek()) {
      if (leaseShare(held.lease, now) < 0.25) break;
      stale.push(this.#ready.shift()!);
    }
    return stale;
  }

  /** Resolves when no job is held, or when the time is over. */
  drained(withinMs: number): Promise<void> {
    if (this.#running.size === 0 && this.#ready.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#drainedWaiters.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #tellDrained(): void {
    const waiters = this.#drainedWaiters;
    this.#drainedWaiters = [];
    for (const resolve of waiters) resolve();
  }
}
