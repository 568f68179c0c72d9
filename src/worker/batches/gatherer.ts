import { canHandBack, isFirst } from '../hand-back.ts';
import type { HeldJob } from '../held-job.ts';
import { leaseShare, type Moment } from '../lease.ts';
import type { AnyBatchHandler } from './batch-handler.ts';
import type { BatchRules } from './batch-options.ts';
import { BatchRow, STALE_SHARE } from './batch-row.ts';
import type { HeldBatch } from './held-batch.ts';

/**
 * What is gathered of one jobtype, what runs of it, and how many more of its jobs are of use. A batch is *stuck* when it has
 * been due for long and none could start: its jobs are handed back, and no others are held until a batch starts or ends.
 */
export class Gatherer {
  readonly handler: AnyBatchHandler;
  readonly rules: BatchRules;
  readonly row: BatchRow;
  readonly queues = new Set<string>();
  timer: NodeJS.Timeout | undefined;
  #waiting = 0;
  #running = 0;
  /** Those that a queue's credit is charged for: the first ones came before it had one. */
  #jobsRunning = 0;
  /** Since when a batch could start if there were room for it (ms, monotonic). */
  #dueSince: number | undefined;
  #isStuck = false;
  /** The last batch took so long that what is gathered meanwhile would wait for too long. */
  #isSlow = false;

  constructor(handler: AnyBatchHandler, rules: BatchRules) {
    this.handler = handler;
    this.rules = rules;
    this.row = new BatchRow(rules);
  }

  /** Batches that wait for a slot. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Batches that have one. */
  get running(): number {
    return this.#running;
  }

  /**
   * Jobs that may be held or on their way: those that run, those of the batches that may start, and the next ones. While
   * others have all slots it is one batch, so that it gets its turn: more may start sooner elsewhere.
   */
  roomWith(freeSlots: number): number {
    if (this.#isStuck) return this.#jobsRunning;
    const { maxSize, concurrency, room } = this.rules;
    const mayStart = Math.min(concurrency - this.#running, Math.max(1, freeSlots)) * maxSize;
    const isShutOut = this.#running === 0 && freeSlots === 0;
    const ahead = this.#isSlow || isShutOut ? 0 : room - concurrency * maxSize;
    return this.#jobsRunning + mayStart + ahead;
  }

  /** Whether another batch may ask for a slot. */
  mayAsk(now: number): boolean {
    const due = this.row.due(now);
    this.#dueSince = due === 0 ? undefined : (this.#dueSince ?? now);
    return this.#running + this.#waiting < this.rules.concurrency && this.#waiting < due;
  }

  /** One waits for a slot. */
  onAsk(): void {
    this.#waiting += 1;
  }

  /** It has its slot: these are its jobs. */
  onStart(): HeldJob[] {
    this.#waiting -= 1;
    this.#running += 1;
    this.#dueSince = undefined;
    this.#isStuck = false;
    return this.row.shift();
  }

  /** These of them began. */
  onBegun(items: readonly HeldJob[]): void {
    this.#jobsRunning += chargedOf(items);
  }

  /** It waits for no slot any more, or has left the one that it had. */
  onLeft(batch: HeldBatch, now: number, longMs: number): void {
    this.#isStuck = false;
    if (batch.state === 'ready') this.#waiting -= 1;
    else {
      this.#running -= 1;
      this.#jobsRunning -= chargedOf(batch.items);
      this.#isSlow = now - batch.startedAt > longMs;
    }
  }

  /**
   * Takes out what waits in vain: what has waited until a quarter of its reservation was gone; after `longMs` what is stuck,
   * or is more than there is room for (a shared queue brings that), once: a copy that comes back has nowhere better to be.
   */
  takeStale(now: Moment, longMs: number): HeldJob[] {
    const isStuck = this.#dueSince !== undefined && now.steady - this.#dueSince > longMs;
    const waitsLong = ({ job, startedAt }: HeldJob): boolean =>
      now.steady - startedAt > longMs && isFirst(job) && canHandBack(job);
    const taken = this.row.take((held, at) => {
      const isOld = leaseShare(held.lease, now) >= STALE_SHARE;
      return isOld || ((isStuck || at >= this.rules.room) && waitsLong(held));
    });
    if (isStuck && taken.length > 0) this.#isStuck = true;
    return taken;
  }
}

function chargedOf(items: readonly HeldJob[]): number {
  return items.reduce((count, { charge }) => (charge === undefined ? count : count + 1), 0);
}
