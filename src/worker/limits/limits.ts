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
  /** There is room again where there was none: start, and fetch. */
  onRoom: () => void;
}

/** A timer's longest. */
const LONGEST_MS = 2 ** 31 - 1;
const SHARED = 'the limit of a jobtype holds back others that share its queue: give it a queue of its own';

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
    if (known !== undefined) this.#options.onRoom();
  }

  /** The jobtype has no limit any more; what waits may begin. */
  remove(jobtype: string): void {
    const limit = this.#byJobtype.get(jobtype);
    if (limit === undefined) return;
    // It stays, without bounds, for the jobs that it has begun and those that wait.
    limit.set({});
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
    if (queue !== limit.ownQueue)
      this.#options.credits.limit(queue, () => limit.creditOfOther(), `limit ${jobtype}`);
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
      this.#parked -= 1;
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
    const taken = [...this.#byJobtype.values()].flatMap((limit) => limit.take(isChosen));
    this.#parked -= taken.length;
    return taken;
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
    this.#options.credits.limit(queue, () => limit.creditOfOwn(performance.now()), `limit ${limit.jobtype}`);
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
    const at = limit.nextTokenAt(now);
    if (at === undefined) return;
    const wake = (): void => {
      this.#waking.delete(limit);
      this.#options.onRoom();
      this.#wakeLater(limit, performance.now());
    };
    // Timers may be early by a part of a millisecond.
    const inMs = Math.min(LONGEST_MS, Math.max(1, Math.ceil(at - performance.now())));
    this.#waking.set(limit, setTimeout(wake, inMs));
  }

  #warnOf(limit: Limit, jobtype: string, queue: string): void {
    if (limit.warned || jobtype === limit.jobtype) return;
    limit.warned = true;
    this.#options.logger.warn({ jobtype: limit.jobtype, queue, shares: jobtype }, SHARED);
  }
}
