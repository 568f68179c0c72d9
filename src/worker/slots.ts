import { MillraceError } from '../errors.ts';
import type { HeldJob } from './held-job.ts';
import { ackWorthwhile, leaseLives, leaseShare, type Moment } from './lease.ts';
import type { Limits } from './limits/limits.ts';
import type { ReadyJobs } from './ready-jobs.ts';

export interface SlotsEvents {
  /** A job takes a slot: run its handler. */
  onStart(held: HeldJob): void;
  /** A job whose lease ended: before it could start (it is dropped), or while it runs (its signal aborts). */
  onExpired(held: HeldJob): void;
  /** Its handler has used 80% of its reservation. */
  onSlow(held: HeldJob): void;
  /** More handlers than before run on though they lost their slot long ago; of these jobtypes. */
  onZombies(count: number, jobtypes: readonly string[]): void;
}

const WARN_SHARE = 0.8;
const STALE_SHARE = 0.25;

/**
 * The slots (handlers that may run at once) and the jobs that wait for one; those that their jobtype's limit holds back
 * take none. A *zombie* is a handler that has lost its slot and has not ended long after: nobody can end it, and what it
 * does no longer counts.
 */
export class Slots {
  readonly #limit: number;
  readonly #events: SlotsEvents;
  readonly #running = new Set<HeldJob>();
  readonly #ready: ReadyJobs;
  readonly #limits: Limits;
  /** Those that have lost their slot and run on, and since when. */
  readonly #evicted = new Map<HeldJob, number>();
  readonly #zombieAfterMs: number;
  #zombies = 0;
  #starting = false;
  /** When a job last took a slot (ms, monotonic). */
  #movedAt = 0;
  /** The latest moment that it was told. */
  #now: Moment = { steady: 0, wall: 0 };
  #drainedWaiters: (() => void)[] = [];

  constructor(limit: number, zombieAfterMs: number, ready: ReadyJobs, limits: Limits, events: SlotsEvents) {
    this.#limit = limit;
    this.#ready = ready;
    this.#limits = limits;
    this.#zombieAfterMs = zombieAfterMs;
    this.#events = events;
  }

  get running(): number {
    return this.#running.size;
  }

  /** Jobs that wait, for a slot or for their jobtype's limit. */
  get ready(): number {
    return this.#ready.size + this.#limits.parked;
  }

  get zombies(): number {
    return this.#zombies;
  }

  /** Those that run, the longest-running first. */
  get held(): Iterable<HeldJob> {
    return this.#running;
  }

  /** When a job last took a slot (ms, monotonic). */
  get movedAt(): number {
    return this.#movedAt;
  }

  /** Takes a fetched job: it starts at once if a slot is free. */
  add(held: HeldJob, now: Moment): void {
    this.#ready.push(held);
    this.#startReady(now);
  }

  /** Starts what may start by now: a limit has room again. */
  wake(now: Moment): void {
    this.#startReady(now);
  }

  /** Frees the slot of a job whose handler has ended. */
  finish(held: HeldJob, now: Moment): void {
    if (!this.#running.delete(held)) {
      const since = this.#evicted.get(held);
      this.#evicted.delete(held);
      if (since !== undefined && this.#isZombie(since, now)) this.#countZombies(now);
      return;
    }
    this.#leave(held);
    this.#startReady(now);
    this.#tellIfDrained();
  }

  /** Nothing is held for it any more. */
  #leave(held: HeldJob): void {
    held.release();
    this.#limits.leave(held);
    if (held.timeout !== undefined) clearTimeout(held.timeout);
  }

  #isZombie(since: number, now: Moment): boolean {
    return now.steady - since >= this.#zombieAfterMs;
  }

  #countZombies(now: Moment): void {
    let count = 0;
    for (const since of this.#evicted.values()) if (this.#isZombie(since, now)) count += 1;
    this.#zombies = count;
  }

  /** Those that have just been evicted for so long that they will hardly end. */
  #tellZombies(now: Moment): void {
    if (this.#evicted.size === 0) return;
    const before = this.#zombies;
    this.#countZombies(now);
    if (this.#zombies <= before) return;
    const zombies = [...this.#evicted].filter(([, since]) => this.#isZombie(since, now));
    this.#events.onZombies(this.#zombies, [...new Set(zombies.map(([{ job }]) => job.jobtype))]);
  }

  /** Takes the slot from a job whose handler does not end. */
  evict(held: HeldJob, now: Moment): void {
    this.#evicted.set(held, now.steady);
    this.#leave(held);
    this.#running.delete(held);
    this.#startReady(now);
    this.#tellIfDrained();
  }

  /** A loop, not recursion: a handler that is not asynchronous ends inside onStart. */
  #startReady(now: Moment): void {
    this.#now = now;
    if (this.#starting) return;
    this.#starting = true;
    try {
      while (this.#running.size < this.#limit) {
        const limited = this.#limits.next(this.#now.steady);
        const held = limited ?? this.#ready.shift();
        if (held === undefined) break;
        if (limited !== undefined || !this.#limits.holdsBack(held, this.#now.steady))
          this.#start(held, this.#now);
      }
    } finally {
      this.#starting = false;
    }
  }

  #start(held: HeldJob, now: Moment): void {
    if (!leaseLives(held.lease, now)) {
      held.moveTo('settled');
      this.#leave(held);
      this.#events.onExpired(held);
      return;
    }
    this.#running.add(held);
    this.#movedAt = now.steady;
    held.moveTo('running');
    held.startedAt = now.steady;
    this.#events.onStart(held);
  }

  /** Looks at the leases; called once a second, so that no job needs a timer. */
  sweep(now: Moment): void {
    this.#tellZombies(now);
    for (const held of this.#running) {
      if (!held.aborted && !leaseLives(held.lease, now)) {
        held.abort(new MillraceError('LEASE_EXPIRED', `the reservation of job ${held.job.jid} ran out`));
        this.#events.onExpired(held);
      } else if (!held.warned && leaseShare(held.lease, now) >= WARN_SHARE) {
        held.warned = true;
        this.#events.onSlow(held);
      }
      if (ackWorthwhile(held.lease, now)) continue;
      if (held.state === 'running') held.moveTo('settled');
      this.evict(held, now);
    }
  }

  abortAll(reason: MillraceError): void {
    for (const held of this.#running) held.abort(reason);
  }

  /** Takes out what waits for a slot, for hand-back. */
  takeReady(): HeldJob[] {
    return this.#takeOut(() => true);
  }

  /** Takes out what still runs, for hand-back. */
  takeRunning(): HeldJob[] {
    const running = [...this.#running];
    this.#running.clear();
    for (const held of running) this.#leave(held);
    this.#tellIfDrained();
    return running;
  }

  /** Takes out the jobs that have waited for a slot until a quarter of their reservation was gone, and those of `isStale`. */
  takeStale(now: Moment, isStale: (held: HeldJob) => boolean = () => false): HeldJob[] {
    return this.#takeOut((held) => leaseShare(held.lease, now) >= STALE_SHARE || isStale(held));
  }

  /** Takes out those that wait for their jobtype's limit and are chosen, or have waited so long. */
  takeLimited(now: Moment, isChosen: (held: HeldJob) => boolean): HeldJob[] {
    const taken = this.#limits.take((held) => leaseShare(held.lease, now) >= STALE_SHARE || isChosen(held));
    return this.#giveUp(taken);
  }

  #takeOut(isChosen: (held: HeldJob) => boolean): HeldJob[] {
    return this.#giveUp([...this.#limits.take(isChosen), ...this.#ready.take(isChosen)]);
  }

  #giveUp(taken: HeldJob[]): HeldJob[] {
    for (const held of taken) held.release();
    if (taken.length > 0) this.#tellIfDrained();
    return taken;
  }

  /** Resolves when no job is held, or when the time is over. */
  drained(withinMs: number): Promise<void> {
    if (this.#running.size === 0 && this.ready === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#drainedWaiters.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #tellIfDrained(): void {
    if (this.#running.size > 0 || this.ready > 0) return;
    const waiters = this.#drainedWaiters;
    this.#drainedWaiters = [];
    for (const resolve of waiters) resolve();
  }
}
