/**
 * The jobs of a partition whose turn it is: each gets a slot, is tried again in place, and ends as done, dead, or put
 * back. A turn ends when its handler does, even where its job is gone by then: handlers never overlap.
 */
import { MillraceError, messageOf } from '../../errors.ts';
import type { Sequence, Turn } from '../../partitions/sequence.ts';
import { keyOf, type Position } from '../../partitions/stamp.ts';
import type { JobPayload } from '../../protocol/job.ts';
import { failureOf } from '../failure.ts';
import { canHandBack } from '../hand-back.ts';
import { HeldJob } from '../held-job.ts';
import { leaseLives, leaseShare, type Moment, nowOnBothClocks } from '../lease.ts';
import { failureAfter } from '../retry.ts';
import type { Checkpoints } from './checkpoints.ts';
import { type InPlace, inPlace } from './in-place.ts';
import type { Keeper, PartitionOfJob } from './keeper.ts';
import type { PartitionLease } from './partition-lease.ts';
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

/** The job that is tried again is handed back where its next try would begin later than that. */
const RETRY_SHARE = 0.5;
/** A partition whose job cannot be done is tried again so often. */
const PAUSED_MS = 60_000;
/** A handler that does not hear its signal is waited for so long before the partition goes on. */
const HANG_MS = 10_000;
export const LEFT = 'its partition is not ours any more';

export class Turns implements Keeper<HeldJob> {
  readonly partition: PartitionOfJob;
  readonly #options: TurnsOptions;
  readonly #work = new Map<HeldJob, Work>();
  /** Whose key has a checkpoint on its way. */
  #forKey: Work[] = [];
  /** When the next try of a job may begin that was handed back meanwhile. */
  readonly #notBefore = new Map<string, number>();
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
    this.#work.set(turn.job, work);
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
    if (!this.#options.lease.lives) return this.#options.around.giveBack(work.held, LEFT);
    const { key } = work;
    if (key !== undefined && this.#options.checkpoints.hasUnstored(key)) {
      this.#forKey.push(work);
      return this.#options.checkpoints.hurry();
    }
    const leftMs = this.#takeDelay(work);
    if (leftMs > 0) this.#beginIn(work, leftMs);
    else this.#options.around.toSlot(work.held);
  }

  #beginIn(work: Work, ms: number): void {
    work.startsAt = performance.now() + ms;
    work.timer = setTimeout(() => {
      work.timer = undefined;
      if (work.outcome === undefined) this.#begin(work);
    }, ms);
  }

  #takeDelay({ turn }: Work): number {
    if (turn.at === undefined) return 0;
    const id = idOf(turn.at);
    const at = this.#notBefore.get(id);
    if (at === undefined) return 0;
    this.#notBefore.delete(id);
    return at - performance.now();
  }

  starts(held: HeldJob): boolean {
    const work = this.#work.get(held);
    if (work === undefined || !this.#options.lease.lives) return false;
    work.isRunning = true;
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
    work.isRunning = false;
    clearTimeout(work.timer);
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
    work.isRunning = false;
    this.#settle(work);
  }

  /** Its handler runs no longer, and what became of it is known. */
  #settle(work: Work): void {
    if (work.outcome === undefined) return;
    clearTimeout(work.timer);
    work.timer = undefined;
    this.#work.delete(work.held);
    if (this.#forKey.length > 0) this.#forKey = this.#forKey.filter((each) => each !== work);
    if (work.outcome === 'done') this.#onDone(work);
    else if (work.outcome === 'failed') this.#onFailure(work);
    else this.#putBack(work);
    this.#options.onChange();
  }

  #onDone({ turn, key, held }: Work): void {
    this.#paused = false;
    const others = this.#options.sequence().done(turn);
    this.#options.checkpoints.add({ at: turn.at, key, jobs: this.#released([...others, held]) });
  }

  #putBack({ turn }: Work): void {
    this.#options.sequence().putBack(turn);
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

  /** In its place; where its reservation would not reach for that, as a copy that brings it back there. */
  #again(work: Work, afterMs: number): void {
    const { held, turn } = work;
    const now = nowOnBothClocks();
    const failure = failureAfter(held.job, failureOf(held.job.jid, work.thrown), new Date());
    const then = { steady: now.steady + afterMs, wall: now.wall + afterMs };
    const fits = leaseShare(held.lease, then) < RETRY_SHARE;
    const mustLeave = !this.#options.isOwned() || !this.#options.lease.lives;
    if (canHandBack(held.job) && (!fits || mustLeave)) {
      if (turn.at !== undefined) this.#notBefore.set(idOf(turn.at), now.steady + afterMs);
      this.#options.around.giveBack(held, 'it is tried again later', failure);
      return this.#options.sequence().putBack(turn);
    }
    if (!leaseLives(held.lease, now)) {
      held.moveTo('settled');
      return this.#options.sequence().putBack(turn);
    }
    held.moveTo('settled');
    const next = new HeldJob({ ...held.job, failure }, held.lease, now.steady);
    next.keeper = held.keeper;
    work.begin(next);
    this.#work.set(next, work);
    this.#beginIn(work, Math.max(1, afterMs));
  }

  #exhaust(work: Work): void {
    const { held, turn } = work;
    held.moveTo('settled');
    // What Faktory has of it knows nothing of the tries here.
    const report = new HeldJob(turn.job.job, held.lease, performance.now());
    // So that nothing else starts meanwhile, and a leaving partition waits for it.
    work.begin(report);
    work.isRunning = true;
    this.#work.set(report, work);
    this.#options.around.exhaust(report, work.thrown, (end) => {
      this.#work.delete(report);
      if (end === 'late') this.#options.sequence().putBack(turn);
      else {
        const jobs = this.#released(this.#options.sequence().giveUp(turn));
        this.#options.checkpoints.add({ at: turn.at, key: work.key, jobs });
      }
      this.#options.onChange();
    });
  }

  /** Called once a second. */
  sweep(now: Moment): void {
    for (const work of [...this.#work.values()]) this.#sweepWork(work, now);
  }

  #sweepWork(work: Work, now: Moment): void {
    const { held } = work;
    // One that does not hear its signal is not waited for without end.
    if (work.isRunning && (work.outcome !== undefined || held.state === 'settled'))
      work.timer ??= setTimeout(() => this.#onHang(work), HANG_MS);
    const isOld = leaseShare(held.lease, now) >= RETRY_SHARE;
    if (isOld && canHandBack(held.job)) this.#giveBackDelayed(work);
  }

  /** One that waits for its next try. */
  #giveBackDelayed(work: Work): void {
    const { held, turn, isRunning, timer, startsAt } = work;
    if (isRunning || timer === undefined || work.outcome !== undefined) return;
    if (turn.at !== undefined) this.#notBefore.set(idOf(turn.at), startsAt);
    this.#options.around.giveBack(held, 'it is tried again later');
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
      else if (work.timer !== undefined || this.#forKey.includes(work))
        this.#options.around.giveBack(work.held, LEFT);
    }
  }
}

const idOf = ({ epoch, number }: Position): string => `${epoch}:${number}`;
