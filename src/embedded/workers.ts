/** The workers known by their beats. A wid is known from its first HELLO until its last connection closes. */
import type { Clock } from './clock.ts';
import { nextTick, type Scheduler, type TimedWork } from './scheduler.ts';

/** Without a BEAT for this long a worker is taken for dead. */
const LIFE_MS = 60_000;

/** What a worker has been told, or told itself; it only moves forward. */
export type WorkerState = 'running' | 'quiet' | 'terminate';

/** A worker's connection, as far as the reaper goes. */
export interface WorkerConnection {
  close(): void;
}

export interface Worker {
  readonly wid: string;
  state: WorkerState;
  /** When `state` was set last. */
  since: number;
  lastBeat: number;
  /** The connection that made it known. */
  readonly first: object;
  readonly connections: Set<WorkerConnection>;
}

const ORDER: readonly WorkerState[] = ['running', 'quiet', 'terminate'];

export class Workers implements TimedWork {
  readonly #clock: Clock;
  readonly #every: number;
  readonly #scheduler: Scheduler;
  readonly #byWid = new Map<string, Worker>();
  /** No worker's time ends before: a lower bound, put right by each scan. */
  #earliest = Number.POSITIVE_INFINITY;
  /** Workers given up: INFO tells. */
  reaped = 0;

  /** Looks every `every` ms for workers that have stopped beating. */
  constructor(clock: Clock, scheduler: Scheduler, every: number) {
    this.#clock = clock;
    this.#every = every;
    this.#scheduler = scheduler;
    scheduler.add(this);
  }

  get size(): number {
    return this.#byWid.size;
  }

  get(wid: string): Worker | undefined {
    return this.#byWid.get(wid);
  }

  join(wid: string, connection: WorkerConnection): Worker {
    let worker = this.#byWid.get(wid);
    if (worker === undefined) {
      const now = this.#clock.now();
      worker = {
        wid,
        state: 'running',
        since: now,
        lastBeat: now,
        first: connection,
        connections: new Set(),
      };
      this.#byWid.set(wid, worker);
      this.#earliest = Math.min(this.#earliest, now + LIFE_MS);
      this.#scheduler.wake(this.due());
    }
    worker.connections.add(connection);
    return worker;
  }

  leave(worker: Worker, connection: WorkerConnection): void {
    worker.connections.delete(connection);
    if (worker.connections.size === 0 && this.#byWid.get(worker.wid) === worker)
      this.#byWid.delete(worker.wid);
  }

  beat(worker: Worker): void {
    worker.lastBeat = this.#clock.now();
  }

  /** Has all of them beaten `ms` later than they did. */
  carry(ms: number): void {
    for (const worker of this.#byWid.values()) worker.lastBeat += ms;
  }

  /** Moves a worker on; backwards or to an unknown state nothing happens. */
  advance(worker: Worker, state: string): void {
    const next = ORDER.find((known) => known === state);
    if (next === undefined || ORDER.indexOf(next) <= ORDER.indexOf(worker.state)) return;
    worker.state = next;
    worker.since = this.#clock.now();
  }

  due(): number {
    return nextTick(this.#earliest, this.#every);
  }

  run(now: number): void {
    this.#earliest = Number.POSITIVE_INFINITY;
    for (const worker of this.#byWid.values()) {
      if (worker.lastBeat + LIFE_MS > now) {
        this.#earliest = Math.min(this.#earliest, worker.lastBeat + LIFE_MS);
        continue;
      }
      this.reaped += 1;
      this.#byWid.delete(worker.wid);
      for (const connection of [...worker.connections]) connection.close();
    }
  }

  [Symbol.iterator](): IterableIterator<Worker> {
    return this.#byWid.values();
  }
}
