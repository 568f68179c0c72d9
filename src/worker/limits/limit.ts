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
  #running = 0;
  /** Of these, those that came from its own queue. */
  #runningOwn = 0;
  /** The queue whose fetching is bounded by it. */
  #ownQueue: string | undefined;
  /** Whether it was told that others share its queue: once. */
  warned = false;

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

  /** When a token comes back that is waited for: undefined where none is. */
  nextTokenAt(now: number): number | undefined {
    if (this.#tokens === undefined || this.#tokens.free(now) > 0) return undefined;
    return this.#tokens.nextAt(now);
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
  }

  /** The one that has waited longest, if one more may begin. */
  unpark(now: number): HeldJob | undefined {
    return this.#parked.size > 0 && this.hasRoom(now) ? this.#parked.shift() : undefined;
  }

  take(isChosen: (held: HeldJob) => boolean): HeldJob[] {
    const taken: HeldJob[] = [];
    for (let count = this.#parked.size; count > 0; count -= 1) {
      const held = this.#parked.shift()!;
      if (isChosen(held)) taken.push(held);
      else this.#parked.push(held);
    }
    return taken;
  }

  /**
   * The credit of its own queue: what of it runs, and as much more as could begin at once, so that nothing is fetched
   * only to wait here. Jobs that came from elsewhere take their share.
   */
  creditOfOwn(now: number): number {
    if (this.#parked.size > 0) return 0;
    const fromElsewhere = this.#running - this.#runningOwn;
    return Math.min(this.#concurrency - fromElsewhere, this.#runningOwn + this.tokens(now));
  }

  /** The credit of another queue that its jobs were seen in: any, but while some of them wait. */
  creditOfOther(): number {
    return this.#parked.size > 0 ? 0 : Number.POSITIVE_INFINITY;
  }
}
