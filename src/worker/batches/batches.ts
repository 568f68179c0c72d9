/**
 * Batch handlers: a layer on slots. Jobs of a jobtype that has one do not wait for a slot each: they are gathered in a row
 * of their jobtype, and when a batch is due a `HeldBatch` waits for a slot in their place, at most `concurrency` of them.
 * Each job is reported on its own, as a single one is.
 */
import { MillraceError } from '../../errors.ts';
import type { JobPayload } from '../../protocol/job.ts';
import type { HeldJob } from '../held-job.ts';
import { leaseLives, type Moment, nowOnBothClocks } from '../lease.ts';
import { type AnyBatchHandler, type BatchContext, type BatchJob, batchJob } from './batch-handler.ts';
import type { BatchRules } from './batch-options.ts';
import { Gatherer } from './gatherer.ts';
import { HeldBatch } from './held-batch.ts';
import { type Ended, endsOf } from './outcomes.ts';

/** What the layer needs of the way of jobs. */
export interface BatchesEvents {
  /** A batch is due: it starts when a slot is free. */
  onDue(batch: HeldBatch, now: Moment): void;
  /** A call of the handler has begun, so many jobs in it; and has ended. */
  onEnd(batch: HeldBatch, jobs: number, now: Moment): void;
  /** Its slot is free. */
  finish(batch: HeldBatch, now: Moment): void;
  /** Its handler does not end in time: its slot is free all the same. */
  evict(batch: HeldBatch, now: Moment): void;
  /** What one job came to, reported as that of a single one. */
  onDone(held: HeldJob, now: Moment): void;
  onThrown(held: HeldJob, thrown: unknown, now: Moment): void;
  /** It has failed although it still runs. */
  onTimedOut(held: HeldJob, error: MillraceError, now: Moment): void;
  onLate(held: HeldJob, why: string): void;
  giveBack(held: HeldJob, reason?: string): void;
  /** Jobs of a batch handler come from this queue: by so many at most it may be fetched ahead (`creditOf` says how many now). */
  onQueue(queue: string, room: number | undefined): void;
  /** Jobs of others come from it, too. */
  onShared(queue: string, jobtype: string): void;
  argsOf(job: JobPayload): readonly unknown[] | Promise<readonly unknown[]>;
  /** How long a job waits at most while nothing moves (ms). */
  longMs(): number;
  /** Slots that nothing has just now. */
  freeSlots(): number;
}

/** What a worker says of it. */
export const SHARED =
  'a batch handler shares this queue with other jobtypes: a queue of its own fills its batches better';
const WAITED_TOO_LONG = 'it waited too long for its batch';
type Fit = readonly [held: HeldJob, job: BatchJob<never>];

export class Batches {
  readonly #events: BatchesEvents;
  readonly #byJobtype = new Map<string, Gatherer>();
  readonly #gatherers = new Map<HeldBatch, Gatherer>();
  /** By queue, how many jobs may be held of it or on their way at most. */
  readonly #rooms = new Map<string, number>();
  readonly #shared = new Set<string>();
  #closed = false;

  constructor(events: BatchesEvents) {
    this.#events = events;
  }

  /** Whether any jobtype has a batch handler: asked for each job that comes. */
  get any(): boolean {
    return this.#byJobtype.size > 0;
  }

  /** Jobs that wait for their batch. */
  get gathered(): number {
    let count = 0;
    for (const { row } of this.#byJobtype.values()) count += row.size;
    return count;
  }

  /** Batches that wait for a slot. */
  get waiting(): number {
    let count = 0;
    for (const { waiting } of this.#byJobtype.values()) count += waiting;
    return count;
  }

  /** Batches that have a slot. */
  get running(): number {
    let count = 0;
    for (const { running } of this.#byJobtype.values()) count += running;
    return count;
  }

  /** How many jobs of batch handlers may be held of this queue or on their way, just now. */
  roomOf(queue: string): number {
    let room = 0;
    const freeSlots = this.#events.freeSlots();
    for (const gatherer of this.#byJobtype.values())
      if (gatherer.queues.has(queue)) room += gatherer.roomWith(freeSlots);
    return room;
  }

  /**
   * How many jobs of this queue may be held or on their way, just now. Where it is shared that is more than there is room
   * for, up to `most`: others must not wait behind those that do.
   */
  creditOf(queue: string, most: number): number {
    const room = this.roomOf(queue);
    return this.#shared.has(queue) ? Math.max(room, most) : room;
  }

  /** The queues that jobs of batch handlers came from. */
  get queues(): ReadonlyMap<string, number> {
    return this.#rooms;
  }

  register(jobtype: string, handler: AnyBatchHandler, rules: BatchRules): void {
    this.remove(jobtype);
    this.#byJobtype.set(jobtype, new Gatherer(handler, rules));
  }

  /** The jobtype gets another handler: what was gathered for this one is handed back, what runs ends as it would. */
  remove(jobtype: string): void {
    const gatherer = this.#byJobtype.get(jobtype);
    if (gatherer === undefined) return;
    this.#byJobtype.delete(jobtype);
    clearTimeout(gatherer.timer);
    for (const held of gatherer.row.take(() => true)) this.#giveBack(held);
    for (const queue of gatherer.queues) this.#allow(queue, -gatherer.rules.room);
  }

  /** Takes a fetched job, if its jobtype has a batch handler. */
  take(held: HeldJob, now: Moment): boolean {
    const { jobtype, queue } = held.job;
    const gatherer = this.#byJobtype.get(jobtype);
    if (gatherer === undefined) {
      if (this.#rooms.has(queue)) this.#noteShared(queue, jobtype);
      return false;
    }
    if (!gatherer.queues.has(queue)) this.#noteQueue(gatherer, queue, jobtype);
    if (this.#closed) this.#giveBack(held);
    else {
      gatherer.row.add(held);
      this.#look(jobtype, gatherer, now);
    }
    return true;
  }

  /** Known beforehand: where the jobs of these jobtypes lie. */
  noteSharing(jobtypes: readonly string[], queueOf: (jobtype: string) => string | undefined): void {
    for (const jobtype of this.#byJobtype.keys()) {
      const queue = queueOf(jobtype);
      if (queue === undefined) continue;
      const other = jobtypes.find((each) => each !== jobtype && queueOf(each) === queue);
      if (other !== undefined) this.#noteShared(queue, other);
    }
  }

  #noteQueue(gatherer: Gatherer, queue: string, jobtype: string): void {
    if (this.#rooms.has(queue)) this.#noteShared(queue, jobtype);
    gatherer.queues.add(queue);
    this.#allow(queue, gatherer.rules.room);
  }

  #allow(queue: string, more: number): void {
    const room = (this.#rooms.get(queue) ?? 0) + more;
    if (room > 0) this.#rooms.set(queue, room);
    else this.#rooms.delete(queue);
    this.#events.onQueue(queue, room > 0 ? room : undefined);
  }

  #noteShared(queue: string, jobtype: string): void {
    if (this.#shared.has(queue)) return;
    this.#shared.add(queue);
    this.#events.onShared(queue, jobtype);
  }

  /** Asks for slots for the batches that are due, and looks again when the next one is. */
  #look(jobtype: string, gatherer: Gatherer, now: Moment): void {
    const { row } = gatherer;
    while (gatherer.mayAsk(now.steady)) {
      gatherer.onAsk();
      const [queue = ''] = gatherer.queues;
      const batch = new HeldBatch({ jobtype, queue }, now.steady, (left) => this.#onLeft(left, gatherer));
      this.#gatherers.set(batch, gatherer);
      this.#events.onDue(batch, now);
    }
    // It looks at what is first by then: to set it anew for each batch would cost more than to look once too often.
    if (gatherer.timer !== undefined || row.dueAt <= now.steady || row.size === 0) return;
    gatherer.timer = setTimeout(
      () => {
        gatherer.timer = undefined;
        this.#look(jobtype, gatherer, nowOnBothClocks());
      },
      Math.min(2 ** 31 - 1, Math.ceil(row.dueAt - now.steady)),
    );
  }

  #onLeft(batch: HeldBatch, gatherer: Gatherer): void {
    const now = nowOnBothClocks();
    gatherer.onLeft(batch, now.steady, this.#events.longMs());
    if (batch.state === 'ready') this.#gatherers.delete(batch);
    else this.#look(batch.job.jobtype, gatherer, now);
  }

  /** It has a slot: its jobs are known now. */
  start(batch: HeldBatch): void {
    const gatherer = this.#gatherers.get(batch)!;
    const now = nowOnBothClocks();
    const items = gatherer.onStart().filter((held) => this.#begin(held, now));
    gatherer.onBegun(items);
    batch.hold(items);
    if (items.length === 0) return this.#finish(batch, now);
    const { handlerTimeoutMs } = gatherer.rules;
    if (handlerTimeoutMs !== undefined)
      batch.timeout = setTimeout(() => this.#onTimeout(batch, handlerTimeoutMs), handlerTimeoutMs);
    void this.#run(batch, gatherer.handler);
  }

  #begin(held: HeldJob, now: Moment): boolean {
    if (leaseLives(held.lease, now)) {
      held.moveTo('running');
      held.startedAt = now.steady;
      return true;
    }
    held.moveTo('settled');
    held.release();
    this.#events.onLate(held, 'it had not started');
    return false;
  }

  /** Never rejects. */
  async #run(batch: HeldBatch, handler: AnyBatchHandler): Promise<void> {
    const fits = await this.#fitting(batch.items);
    const ends = fits.length === 0 ? [] : await this.#call(batch, fits, handler);
    const now = nowOnBothClocks();
    if (fits.length > 0) this.#events.onEnd(batch, fits.length, now);
    // What is late is told before what is left counts as told to end.
    this.#tellLate(batch, now);
    if (batch.abortReason !== undefined) for (const item of batch.open) item.abort(batch.abortReason);
    fits.forEach(([held], at) => {
      const end = ends[at];
      if (end === undefined) this.#events.onDone(held, now);
      else this.#events.onThrown(held, end.error, now);
    });
    this.#finish(batch, now);
  }

  /** Those whose args fit; the others fail, each alone. */
  async #fitting(items: readonly HeldJob[]): Promise<Fit[]> {
    const { argsOf, onThrown } = this.#events;
    const parsed = await Promise.allSettled(items.map(async ({ job }) => argsOf(job)));
    const fits: Fit[] = [];
    parsed.forEach((args, at) => {
      const held = items[at]!;
      if (args.status === 'fulfilled') fits.push([held, batchJob(held.job, args.value)]);
      else onThrown(held, args.reason, nowOnBothClocks());
    });
    return fits;
  }

  async #call(batch: HeldBatch, fits: readonly Fit[], handler: AnyBatchHandler): Promise<Ended[]> {
    const jobs = fits.map(([, job]) => job);
    const context: BatchContext<never> = {
      jobtype: batch.job.jobtype,
      jobs,
      get signal() {
        return batch.signal;
      },
    };
    try {
      // Told to end while schemas were looking.
      if (batch.abortReason !== undefined) throw batch.abortReason;
      return endsOf(await handler(jobs, context), jobs.length);
    } catch (error) {
      return jobs.map(() => ({ error }));
    }
  }

  #finish(batch: HeldBatch, now: Moment): void {
    this.#gatherers.delete(batch);
    this.#events.finish(batch, now);
  }

  #onTimeout(batch: HeldBatch, timeoutMs: number): void {
    const now = nowOnBothClocks();
    // What does not end is handed back. But where a lease has ended there may be jobs whose leases live on.
    if (batch.abortReason?.code === 'SHUTDOWN') return;
    const text = `the batch handler of "${batch.job.jobtype}" did not end within its handlerTimeoutMs, ${timeoutMs} ms`;
    const error = new MillraceError('HANDLER_TIMEOUT', text);
    this.#tellLate(batch, now);
    batch.abort(error);
    for (const item of batch.open) if (leaseLives(item.lease, now)) this.#events.onTimedOut(item, error, now);
    this.#events.evict(batch, now);
  }

  /** Once each: a job whose lease is over is aborted, alone. */
  #tellLate(batch: HeldBatch, now: Moment): void {
    for (const item of batch.open) {
      if (item.aborted || leaseLives(item.lease, now)) continue;
      item.abort(new MillraceError('LEASE_EXPIRED', `the reservation of job ${item.job.jid} ran out`));
      this.#events.onLate(item, 'its batch handler still runs');
    }
  }

  /** Looks at the leases; called once a second. */
  sweep(now: Moment): void {
    for (const batch of this.#gatherers.keys()) this.#tellLate(batch, now);
    const longMs = this.#events.longMs();
    for (const [jobtype, gatherer] of this.#byJobtype) {
      for (const held of gatherer.takeStale(now, longMs)) this.#giveBack(held, WAITED_TOO_LONG);
      this.#look(jobtype, gatherer, now);
    }
  }

  /** Hands back what is gathered and chosen. */
  handBack(isChosen: (held: HeldJob) => boolean, reason?: string): void {
    for (const { row } of this.#byJobtype.values())
      for (const held of row.take(isChosen)) this.#giveBack(held, reason);
  }

  /** Gathers nothing any more: what has not begun, and what still comes, is handed back. */
  close(): void {
    this.#closed = true;
    for (const { timer } of this.#byJobtype.values()) clearTimeout(timer);
    this.handBack(() => true);
  }

  #giveBack(held: HeldJob, reason?: string): void {
    held.release();
    this.#events.giveBack(held, reason);
  }
}
