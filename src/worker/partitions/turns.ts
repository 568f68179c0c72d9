/**
 * The jobs of a partition whose turn it is: each gets a slot, is tried again in place, and ends as done, dead, or put
 * back. A turn ends when its handler does, even where its job is gone by then: handlers never overlap.
 */
import { MillraceError, messageOf } from '../../errors.ts';
import type { Sequence, Turn } from '../../partitions/sequence.ts';
import { keyOf, type Position } from '../../partitions/stamp.ts';
import type { JobFailure, JobPayload } from '../../protocol/job.ts';
import type { ExhaustEnd } from '../exhausted.ts';
import { failureOf } from '../failure.ts';
import { canHandBack } from '../hand-back.ts';
import type { HeldJob } from '../held-job.ts';
import { leaseShare, type Moment, nowOnBothClocks } from '../lease.ts';
import { failureAfter } from '../retry.ts';
import type { Checkpoints } from './checkpoints.ts';
import { type InPlace, inPlace } from './in-place.ts';
import type { Keeper, PartitionOfJob } from './keeper.ts';
import type { PartitionLease } from './partition-lease.ts';
import { isSpent } from './spent.ts';
import type { Surroundings } from './surroundings.ts';
import { paceAfter } from './window.ts';
import { Work } from './work.ts';

export interface TurnsOptions {
  /** Of Faktory's queue. */
  name: string;
  partition: PartitionOfJob;
  lease: PartitionLease;
  around: Surroundings;
  onExhausted: 'dead' | 'pause';
  checkpoints: Checkpoints;
  sequence(): Sequence<HeldJob>;
  /** Whether the partition is not being given up. */
  isOwned(): boolean;
  /** Another delivery of a job is dealt with, and waits no longer. */
  forget(held: HeldJob): void;
  /** A turn has ended. */
  onChange(): void;
}

/** The job that is tried again leaves where its next try would begin later than that. */
const RETRY_SHARE = 0.5;
/** A partition whose job cannot be done is tried again so often. */
const PAUSED_MS = 60_000;
/** A handler that does not hear its signal is waited for so long before the partition goes on. */
const HANG_MS = 10_000;
export const LEFT = 'its partition is not ours any more';
const AGAIN = 'it is tried again later';

interface Left {
  readonly startsAt: number;
  /** Undefined: the copy that comes knows. */
  readonly failure: JobFailure | undefined;
}

export class Turns implements Keeper<HeldJob> {
  readonly partition: PartitionOfJob;
  readonly #options: TurnsOptions;
  readonly #work = new Map<HeldJob, Work>();
  /** Whose key has a checkpoint on its way. */
  #forKey: Work[] = [];
  /** Jobs that have left and come again: when their next try may begin, and what has failed here by then. */
  readonly #left = new Map<string, Left>();
  #paused = false;
  /** How long handlers take; undefined: none has ended yet. */
  handlerMs: number | undefined;

  constructor(options: TurnsOptions) {
    this.#options = options;
    this.partition = options.partition;
  }

  get size(): number {
    return this.#work.size;
  }

  /** Whether a job could not be done, and is waited for. */
  get isPaused(): boolean {
    return this.#paused;
  }

  /** Whether no handler runs. */
  get isAtRest(): boolean {
    for (const { isRunning } of this.#work.values()) if (isRunning) return false;
    return true;
  }

  add(turn: Turn<HeldJob>): void {
    const work = new Work(turn, keyOf(turn.job.job.custom));
    turn.job.keeper = this.#keeperOf(work);
    this.#recall(work);
    this.#work.set(work.held, work);
    this.#begin(work);
  }

  /** A checkpoint is stored. */
  wake(): void {
    if (this.#forKey.length === 0) return;
    const waiting = this.#forKey;
    this.#forKey = [];
    for (const work of waiting) this.#begin(work);
  }

  /** Handlers see the key of their own job. */
  #keeperOf({ key }: Work): Keeper<HeldJob> {
    return key === undefined ? this : { ...this.#shared, partition: { ...this.partition, key } };
  }

  /** The keeper of each job differs by the job's key only. */
  readonly #shared: Omit<Keeper<HeldJob>, 'partition'> = {
    starts: (held) => this.starts(held),
    onDone: (held) => this.onDone(held),
    onFailed: (held, thrown) => this.onFailed(held, thrown),
    onGone: (held) => this.onGone(held),
    onHandlerEnd: (held) => this.onHandlerEnd(held),
  };

  /** To its slot, once the job before of its key is stored, and its time has come. */
  #begin(work: Work): void {
    if (!this.#options.lease.lives) return this.#giveBack(work, LEFT);
    const { key, turn } = work;
    if (isSpent(turn.job.job)) return this.#exhaust(work);
    if (key !== undefined && this.#options.checkpoints.hasUnstored(key, turn.late ? undefined : turn.at)) {
      this.#forKey.push(work);
      return this.#options.checkpoints.hurry();
    }
    if (work.startsAt > performance.now()) this.#beginLater(work);
    else this.#options.around.toSlot(work.held);
  }

  #beginLater(work: Work): void {
    const ms = Math.max(1, work.startsAt - performance.now());
    work.timer = setTimeout(() => {
      work.timer = undefined;
      work.startsAt = 0;
      if (work.outcome === undefined) this.#begin(work);
    }, ms);
  }

  /** One that left, and has come again. */
  #recall(work: Work): void {
    const { at, job } = work.turn;
    if (at === undefined || this.#left.size === 0) return;
    const left = this.#left.get(idOf(at));
    if (left === undefined) return;
    this.#left.delete(idOf(at));
    work.startsAt = left.startsAt;
    if (left.failure !== undefined && left.failure.retry_count > (job.job.failure?.retry_count ?? -1))
      work.begin(left.failure);
  }

  #remember({ turn, startsAt }: Work, failure: JobFailure | undefined): void {
    if (turn.at !== undefined) this.#left.set(idOf(turn.at), { startsAt, failure });
  }

  #giveBack({ held }: Work, reason: string): void {
    held.release();
    this.#options.around.giveBack(held, reason);
  }

  starts(held: HeldJob): boolean {
    const work = this.#work.get(held);
    if (work === undefined || !this.#options.lease.lives) return false;
    work.start();
    return true;
  }

  onDone(held: HeldJob): void {
    this.#end(held, 'done');
  }

  onFailed(held: HeldJob, thrown: unknown): void {
    this.#end(held, 'failed', thrown);
  }

  onGone(held: HeldJob): void {
    this.#end(held, 'gone');
  }

  onHandlerEnd(held: HeldJob): void {
    const work = this.#work.get(held);
    if (work === undefined || !work.isRunning) return;
    work.rest();
    this.handlerMs = paceAfter(this.handlerMs, performance.now() - held.startedAt);
    // It ended when its reservation was over: Faktory gives it out again.
    if (work.outcome === undefined && held.state === 'settled') work.end('gone');
    this.#settle(work);
  }

  #end(held: HeldJob, outcome: 'done' | 'failed' | 'gone', thrown?: unknown): void {
    const work = this.#work.get(held);
    if (work === undefined) return;
    work.end(outcome, thrown);
    // Otherwise `onHandlerEnd` does, or the sweep.
    if (!work.isRunning) this.#settle(work);
  }

  #onHang(work: Work): void {
    if (!work.isRunning) return;
    work.end('gone');
    const { jid, jobtype } = work.held.job;
    this.#options.around.logger.error(
      { queue: this.#options.name, jid, jobtype },
      'a handler of a partition does not end: the partition goes on beside it',
    );
    work.rest();
    this.#settle(work);
  }

  /** Its handler runs no longer, and what became of it is known. */
  #settle(work: Work): void {
    if (work.outcome === undefined) return;
    work.stopTimer();
    this.#work.delete(work.held);
    if (this.#forKey.length > 0) this.#forKey = this.#forKey.filter((each) => each !== work);
    if (work.outcome === 'done') this.#onDone(work);
    else if (work.outcome === 'failed') this.#onFailure(work);
    else this.#options.sequence().putBack(work.turn);
    this.#options.onChange();
  }

  #onDone({ turn, key, held }: Work): void {
    this.#paused = false;
    const others = this.#options.sequence().done(turn);
    this.#options.checkpoints.add({ at: turn.at, key, jobs: this.#released([...others, held]) });
  }

  /** Newer deliveries first: under one jid only the newest is to be ACKed. */
  #released(jobs: readonly HeldJob[]): readonly HeldJob[] {
    const jids = new Set<string>();
    return jobs.filter((held) => {
      this.#options.forget(held);
      held.release();
      if (!jids.has(held.job.jid)) {
        jids.add(held.job.jid);
        return true;
      }
      if (held.state !== 'settled') held.moveTo('settled');
      return false;
    });
  }

  #onFailure(work: Work): void {
    const { job } = work.held;
    this.#options.around.onFailed(job, work.thrown);
    const next = this.#nextTry(job, work.thrown);
    if (next.is === 'again') return this.#again(work, next.afterMs);
    if (this.#options.onExhausted === 'dead') return this.#exhaust(work);
    if (!this.#paused)
      this.#options.around.logger.error(
        { queue: this.#options.name, jid: job.jid, jobtype: job.jobtype },
        `the partition is paused: its job has used up its tries, and is tried again every ${PAUSED_MS / 1_000} s`,
      );
    this.#paused = true;
    this.#again(work, PAUSED_MS);
  }

  #nextTry(job: JobPayload, thrown: unknown): InPlace {
    try {
      return inPlace(job, thrown, this.#options.around.policyOf(job.jobtype));
    } catch (error) {
      const text = `the retry policy of "${job.jobtype}" cannot be used: ${messageOf(error)}`;
      this.#options.around.logger.error({ jobtype: job.jobtype }, text);
      return inPlace(job, thrown);
    }
  }

  /** In its place; where its reservation would not reach for that, it leaves, and comes again there. */
  #again(work: Work, afterMs: number): void {
    const { held, turn, thrown } = work;
    const now = nowOnBothClocks();
    const failure = failureAfter(held.job, failureOf(held.job.jid, thrown), new Date());
    const next = work.begin(failure);
    const then = { steady: now.steady + afterMs, wall: now.wall + afterMs };
    work.startsAt = then.steady;
    const fits = leaseShare(held.lease, then) < RETRY_SHARE;
    if (fits && this.#options.isOwned() && this.#options.lease.lives) {
      this.#work.set(next, work);
      return this.#beginLater(work);
    }
    this.#remember(work, failure);
    if (canHandBack(next.job)) this.#options.around.giveBack(next, AGAIN);
    else this.#options.around.fail(next, thrown);
    this.#options.sequence().putBack(turn);
  }

  /** Nothing else starts meanwhile, and a leaving partition waits for it. */
  #exhaust(work: Work): void {
    const { thrown, turn, held } = work;
    turn.job.release();
    this.#work.delete(held);
    const report = work.exhaust();
    this.#work.set(report, work);
    this.#options.around.exhaust(report, thrown, (end) => {
      this.#work.delete(report);
      this.#onExhausted(work, held.job.failure, end);
      this.#options.onChange();
    });
  }

  /** `failure`: what had failed before its last try. */
  #onExhausted(work: Work, failure: JobFailure | undefined, end: ExhaustEnd): void {
    const { turn, key, held } = work;
    const sequence = this.#options.sequence();
    if (end === 'back') {
      const { jid, jobtype } = held.job;
      this.#options.around.logger.warn(
        { queue: this.#options.name, jid, jobtype },
        'a job of a partition has used up its tries, and is not in Dead: it is waited for, and tried once more',
      );
      this.#remember(work, failure);
      return sequence.putBack(turn);
    }
    // Where a copy goes to Dead the number is done: whatever else brings it is ACKed.
    const isCopied = end === 'copied';
    const jobs = isCopied ? [...sequence.done(turn), held] : sequence.giveUp(turn);
    this.#options.checkpoints.add({ at: turn.at, key, jobs: this.#released(jobs) });
  }

  /** Called once a second. */
  sweep(now: Moment): void {
    for (const work of [...this.#work.values()]) this.#sweepWork(work, now);
  }

  #sweepWork(work: Work, now: Moment): void {
    const { held, state } = work;
    if (state === 'exhausted') return;
    // One that does not hear its signal is not waited for without end.
    if (work.isRunning && (work.outcome !== undefined || held.state === 'settled'))
      work.timer ??= setTimeout(() => this.#onHang(work), HANG_MS);
    const isOld = leaseShare(held.lease, now) >= RETRY_SHARE;
    if (isOld && canHandBack(held.job)) this.#giveBackDelayed(work);
  }

  /** One that waits for its next try. */
  #giveBackDelayed(work: Work): void {
    const { isRunning, timer, outcome } = work;
    if (isRunning || timer === undefined || outcome !== undefined) return;
    this.#remember(work, undefined);
    this.#giveBack(work, AGAIN);
  }

  /** Those that wait for their next try. */
  giveBackDelayed(): void {
    for (const work of [...this.#work.values()]) this.#giveBackDelayed(work);
  }

  /** The lease has ended: what runs hears it, all else is handed back. */
  end(): void {
    const text = `partition ${this.#options.name} is not this worker's any more`;
    const error = new MillraceError('LEASE_EXPIRED', text);
    for (const work of [...this.#work.values()]) {
      if (work.isRunning) work.held.abort(error);
      else if (work.timer !== undefined || this.#forKey.includes(work)) this.#giveBack(work, LEFT);
    }
  }
}

const idOf = ({ epoch, number }: Position): string => `${epoch}:${number}`;
