/**
 * The limits of a worker, per jobtype (`register(…, { concurrency, rate })`). They hold back the fetching of the
 * jobtype's queue, as credits. What comes all the same (from another queue, or fetched before) waits its turn here: it
 * holds no slot, goes before jobs that wait for a slot only, and is handed back when it waits long.
 */
import type { Logger } from '../../logger.ts';
import type { Credits } from '../credits.ts';
import type { HeldJob } from '../held-job.ts';
import { Limit, type LimitOptions } from './limit.ts';

/** What a worker tells of a limit. */
export interface LimitReport {
  jobtype: string;
  /** The queue that is fetched more slowly for it, once known. */
  queue: string | undefined;
  /** Infinity where only a rate is set. */
  concurrency: number;
  running: number;
  /** Jobs that are fetched and may not begin yet. */
  waiting: number;
  /** What may begin at once by its rate; Infinity where it has none. */
  tokens: number;
}

export interface LimitsOptions {
  credits: Credits;
  logger: Logger;
  /** Of a queue that is not its own, so many jobs of a limited jobtype may wait before nothing of it is fetched. */
  mostStrays: number;
  /** How long a job is on its way here: tokens are fetched for before they are back. */
  roundTripMs: () => number;
  /** There is room again where there was none: start, and fetch. */
  onRoom: () => void;
}

/** A timer's longest. */
const LONGEST_MS = 2 ** 31 - 1;
const SHARED = 'the limit of a jobtype holds back others that share its queue: give it a queue of its own';
const STRAYS =
  'jobs of a limited jobtype come from a queue that is not its own, and may hold back others there: push them to its own';

export class Limits {
  readonly #options: LimitsOptions;
  readonly #byJobtype = new Map<string, Limit>();
  /** By their own queue: to tell who shares it. */
  readonly #byQueue = new Map<string, Limit[]>();
  readonly #waking = new Map<Limit, NodeJS.Timeout>();
  /** Which of the jobs that were begun count. */
  readonly #begun = new Map<HeldJob, Limit>();
  #parked = 0;

  constructor(options: LimitsOptions) {
    this.#options = options;
  }

  /** Jobs that may not begin yet. */
  get parked(): number {
    return this.#parked;
  }

  get reports(): LimitReport[] {
    const now = performance.now();
    const bound = [...this.#byJobtype.values()].filter((limit) => limit.isBound);
    return bound.map((limit) => ({
      jobtype: limit.jobtype,
      queue: limit.ownQueue,
      concurrency: limit.concurrency,
      running: limit.running,
      waiting: limit.parked,
      tokens: limit.tokens(now),
    }));
  }

  /** `queue`: where its jobs lie; undefined: that of the first of them which comes. */
  set(jobtype: string, options: LimitOptions, queue?: string): void {
    const known = this.#byJobtype.get(jobtype);
    if (known === undefined) this.#byJobtype.set(jobtype, new Limit(jobtype, options));
    else known.set(options);
    const limit = this.#byJobtype.get(jobtype)!;
    if (queue !== undefined && queue !== limit.ownQueue) this.#own(limit, queue);
    if (known === undefined) return;
    this.#sleep(limit);
    this.#options.onRoom();
    this.#wakeLater(limit, performance.now());
  }

  /** The jobtype has no limit any more; what waits may begin. */
  remove(jobtype: string): void {
    const limit = this.#byJobtype.get(jobtype);
    if (limit === undefined) return;
    // It stays, without bounds, for the jobs that it has begun and those that wait.
    limit.set({});
    this.#sleep(limit);
    this.#disown(limit);
    this.#options.onRoom();
  }

  /** Known beforehand, from the contract: this jobtype has its jobs in that queue. */
  noteShared(jobtype: string, queue: string): void {
    for (const limit of this.#byQueue.get(queue) ?? []) this.#warnOf(limit, jobtype, queue);
  }

  /** Asked for each job that could have a slot: whether it has to wait here instead. */
  holdsBack(held: HeldJob, now: number): boolean {
    if (this.#byJobtype.size === 0) return false;
    const { jobtype, queue } = held.job;
    const sharing = this.#byQueue.get(queue);
    if (sharing !== undefined) for (const limit of sharing) this.#warnOf(limit, jobtype, queue);
    const limit = this.#byJobtype.get(jobtype);
    if (limit === undefined || !limit.isBound) return false;
    if (limit.ownQueue === undefined) this.#own(limit, queue);
    if (limit.parked === 0 && limit.hasRoom(now)) {
      this.#begin(limit, held, now);
      return false;
    }
    if (queue !== limit.ownQueue) this.#noteStray(limit, queue);
    limit.park(held);
    this.#parked += 1;
    this.#wakeLater(limit, now);
    return true;
  }

  /** One that has waited here and may begin now. */
  next(now: number): HeldJob | undefined {
    if (this.#parked === 0) return undefined;
    for (const limit of this.#byJobtype.values()) {
      const held = limit.unpark(now);
      if (held === undefined) continue;
      this.#onUnparked(limit, held);
      this.#begin(limit, held, now);
      return held;
    }
    return undefined;
  }

  /** It has left its slot, or never got it. */
  leave(held: HeldJob): void {
    if (this.#begun.size === 0) return;
    const limit = this.#begun.get(held);
    if (limit === undefined) return;
    this.#begun.delete(held);
    limit.end(held);
  }

  /** Takes out those of the waiting ones that are chosen. */
  take(isChosen: (held: HeldJob) => boolean): HeldJob[] {
    if (this.#parked === 0) return [];
    const all: HeldJob[] = [];
    for (const limit of this.#byJobtype.values()) {
      const taken = limit.take(isChosen);
      for (const held of taken) this.#onUnparked(limit, held);
      all.push(...taken);
    }
    return all;
  }

  /** Nothing is woken any more. */
  close(): void {
    for (const timer of this.#waking.values()) clearTimeout(timer);
    this.#waking.clear();
  }

  #begin(limit: Limit, held: HeldJob, now: number): void {
    // The moment given may be that of the FETCH's reply: handlers before this one may have kept the event loop since.
    limit.begin(held, performance.now());
    this.#begun.set(held, limit);
    this.#wakeLater(limit, now);
  }

  #own(limit: Limit, queue: string): void {
    this.#disown(limit);
    limit.own(queue);
    const sharing = this.#byQueue.get(queue) ?? [];
    for (const other of sharing) this.#warnOf(other, limit.jobtype, queue);
    this.#byQueue.set(queue, [...sharing, limit]);
    const credit = (): number => limit.creditOfOwn(performance.now(), this.#options.roundTripMs());
    this.#options.credits.limit(queue, credit, `limit ${limit.jobtype}`);
  }

  /** It waits, and others of its queue are fetched meanwhile, unless too many such wait. */
  #noteStray(limit: Limit, queue: string): void {
    const { credits, logger, mostStrays } = this.#options;
    const { jobtype, ownQueue } = limit;
    credits.limit(queue, () => limit.creditOfOther(queue, mostStrays), straysOf(limit));
    if (limit.warnedOfStrays) return;
    limit.warnedOfStrays = true;
    logger.warn({ jobtype, queue, ownQueue }, STRAYS);
  }

  /** It waits no more. */
  #onUnparked(limit: Limit, { job: { queue } }: HeldJob): void {
    this.#parked -= 1;
    if (limit.parkedOf(queue) === 0) this.#options.credits.limit(queue, undefined, straysOf(limit));
  }

  #disown(limit: Limit): void {
    const queue = limit.ownQueue;
    if (queue === undefined) return;
    limit.own(undefined);
    this.#options.credits.limit(queue, undefined, `limit ${limit.jobtype}`);
    const others = this.#byQueue.get(queue)!.filter((each) => each !== limit);
    if (others.length > 0) this.#byQueue.set(queue, others);
    else this.#byQueue.delete(queue);
  }

  /** Where tokens are what it waits for, time alone makes room. */
  #wakeLater(limit: Limit, now: number): void {
    if (this.#waking.has(limit)) return;
    const at = limit.nextRoomAt(now, this.#options.roundTripMs());
    if (at === Number.POSITIVE_INFINITY) return;
    const wake = (): void => {
      this.#waking.delete(limit);
      this.#options.onRoom();
      this.#wakeLater(limit, performance.now());
    };
    // Timers may be early by a part of a millisecond.
    const inMs = Math.min(LONGEST_MS, Math.max(1, Math.ceil(at - performance.now())));
    this.#waking.set(limit, setTimeout(wake, inMs));
  }

  /** It waits for another moment from now on, or for none. */
  #sleep(limit: Limit): void {
    clearTimeout(this.#waking.get(limit));
    this.#waking.delete(limit);
  }

  #warnOf(limit: Limit, jobtype: string, queue: string): void {
    if (limit.warned || jobtype === limit.jobtype) return;
    limit.warned = true;
    this.#options.logger.warn({ jobtype: limit.jobtype, queue, shares: jobtype }, SHARED);
  }
}

/** Who bounds a queue that jobs of the jobtype have strayed into. */
function straysOf(limit: Limit): string {
  return `strays of ${limit.jobtype}`;
}
