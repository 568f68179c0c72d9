/** The limit of one jobtype: who of its jobs may begin, who waits, and what may be fetched of its queues. No timers. */
import { Deque } from '../../deque.ts';
import type { HeldJob } from '../held-job.ts';
import { type Rate, RateTokens } from './rate-tokens.ts';

export interface LimitOptions {
  /** Handlers of the jobtype that run at once, in this worker. */
  concurrency?: number | undefined;
  /** And how often they begin. */
  rate?: Rate | undefined;
}

export class Limit {
  readonly jobtype: string;
  #concurrency = Number.POSITIVE_INFINITY;
  #tokens: RateTokens | undefined;
  /** Jobs that are fetched and may not begin yet; they hold no slot. */
  readonly #parked = new Deque<HeldJob>();
  /** How many of these came from which queue. */
  readonly #parkedOf = new Map<string, number>();
  #running = 0;
  /** Of these, those that came from its own queue. */
  #runningOwn = 0;
  /** The queue whose fetching is bounded by it. */
  #ownQueue: string | undefined;
  /** Whether it was told, once, that others share its queue, and that its jobs lie in another one. */
  warned = false;
  warnedOfStrays = false;

  constructor(jobtype: string, options: LimitOptions, ownQueue?: string) {
    this.jobtype = jobtype;
    this.#ownQueue = ownQueue;
    this.set(options);
  }

  /** From now on. What runs goes on; a rate that stays the same keeps its tokens. */
  set({ concurrency = Number.POSITIVE_INFINITY, rate }: LimitOptions): void {
    this.#concurrency = concurrency;
    const before = this.#tokens?.rate;
    if (rate === undefined) this.#tokens = undefined;
    else if (before?.limit !== rate.limit || before.everyMs !== rate.everyMs)
      this.#tokens = new RateTokens({ ...rate });
  }

  get concurrency(): number {
    return this.#concurrency;
  }

  get rate(): Rate | undefined {
    return this.#tokens?.rate;
  }

  get running(): number {
    return this.#running;
  }

  get parked(): number {
    return this.#parked.size;
  }

  /** Whether there is anything to hold to. */
  get isBound(): boolean {
    return this.#tokens !== undefined || this.#concurrency !== Number.POSITIVE_INFINITY;
  }

  /** Its jobs lie in that queue from now on; undefined: nobody knows where. */
  own(queue: string | undefined): void {
    this.#ownQueue = queue;
    this.#runningOwn = 0;
  }

  get ownQueue(): string | undefined {
    return this.#ownQueue;
  }

  /** Whether one more may begin. */
  hasRoom(now: number): boolean {
    return this.#running < this.#concurrency && (this.#tokens?.free(now) ?? 1) > 0;
  }

  /** The tokens of its rate that are free; Infinity where it has none. */
  tokens(now: number): number {
    return this.#tokens?.free(now) ?? Number.POSITIVE_INFINITY;
  }

  /**
   * When time alone makes room: a token comes back that is waited for, or one can be fetched for since it will be back
   * when the job is here. Infinity where neither will.
   */
  nextRoomAt(now: number, aheadMs: number): number {
    const tokens = this.#tokens;
    if (tokens === undefined) return Number.POSITIVE_INFINITY;
    const fetchAt = tokens.nextWithinAt(now, aheadMs);
    const mayStart = this.#parked.size === 0 || tokens.free(now) > 0;
    return mayStart ? fetchAt : Math.min(fetchAt, tokens.nextAt(now));
  }

  begin(held: HeldJob, now: number): void {
    this.#running += 1;
    if (held.job.queue === this.#ownQueue) this.#runningOwn += 1;
    this.#tokens?.take(now);
  }

  end(held: HeldJob): void {
    this.#running -= 1;
    if (held.job.queue === this.#ownQueue && this.#runningOwn > 0) this.#runningOwn -= 1;
  }

  park(held: HeldJob): void {
    this.#parked.push(held);
    this.#countParked(held, 1);
  }

  /** The one that has waited longest, if one more may begin. */
  unpark(now: number): HeldJob | undefined {
    const held = this.#parked.size > 0 && this.hasRoom(now) ? this.#parked.shift() : undefined;
    if (held !== undefined) this.#countParked(held, -1);
    return held;
  }

  take(isChosen: (held: HeldJob) => boolean): HeldJob[] {
    const taken: HeldJob[] = [];
    for (let count = this.#parked.size; count > 0; count -= 1) {
      const held = this.#parked.shift()!;
      if (isChosen(held)) taken.push(held);
      else this.#parked.push(held);
    }
    for (const held of taken) this.#countParked(held, -1);
    return taken;
  }

  #countParked({ job: { queue } }: HeldJob, more: number): void {
    const count = this.parkedOf(queue) + more;
    if (count > 0) this.#parkedOf.set(queue, count);
    else this.#parkedOf.delete(queue);
  }

  /** How many of the jobs that wait came from this queue. */
  parkedOf(queue: string): number {
    return this.#parkedOf.get(queue) ?? 0;
  }

  /**
   * The credit of its own queue: what of it runs, and as much more as could begin when it is here, `aheadMs` from now, so
   * that nothing is fetched only to wait. Jobs that came from elsewhere take their share. (Those of its own that do wait
   * are charged, and so have theirs.)
   */
  creditOfOwn(now: number, aheadMs: number): number {
    const soon = this.#tokens?.freeWithin(now, aheadMs) ?? Number.POSITIVE_INFINITY;
    const waiting = this.#parked.size;
    if (waiting > 0 && waiting >= Math.min(soon, this.#concurrency - this.#running)) return 0;
    const strays = waiting - this.parkedOf(this.#ownQueue ?? '');
    const fromElsewhere = this.#running - this.#runningOwn + strays;
    return Math.min(this.#concurrency - fromElsewhere, this.#runningOwn + soon - strays);
  }

  /** The credit of another queue that its jobs were seen in: any, but while so many of them wait. */
  creditOfOther(queue: string, most: number): number {
    return this.parkedOf(queue) >= most ? 0 : Number.POSITIVE_INFINITY;
  }
}
