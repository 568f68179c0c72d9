/**
 * What becomes of a job that failed: FAIL, and for poison then Dead at once; or a delayed copy where a policy says
 * when; and a copy for the FAIL that Faktory has lost.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { backoffMs } from '../connection/backoff.ts';
import { isMillraceError, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Failure } from '../protocol/commands.ts';
import type { EncodedJob, JobPayload } from '../protocol/job.ts';
import type { Pusher } from '../pushing/pusher.ts';
import { ItemsFailed } from './batches/chunked.ts';
import { FailedItems } from './batches/failed-items.ts';
import { type ExhaustEnd, Exhausted } from './exhausted.ts';
import { failureOf } from './failure.ts';
import { canHandBack, copyOf } from './hand-back.ts';
import type { HeldJob } from './held-job.ts';
import type { JobOutcome, JobTallies } from './job-tally.ts';
import type { Kills } from './kills.ts';
import { leaseLives, nowOnBothClocks } from './lease.ts';
import type { FailEnd, Outbox } from './outbox.ts';
import { endOf, failureAfter, faktoryDelayMs, type Outcome, outcomeOf, type RetryPolicy } from './retry.ts';
import type { Returner } from './returner.ts';

export interface FailedJobsOptions {
  outbox: Outbox;
  returner: Returner;
  pusher: Pusher;
  kills: Kills;
  tallies: JobTallies;
  logger: Logger;
  policyOf: (jobtype: string) => RetryPolicy | undefined;
  /** Whether Faktory was started after a moment of the monotonic clock; rejects when that cannot be known. */
  restartedSince: (moment: number) => Promise<boolean>;
  /** Aborts when the worker stops: nothing is waited for any more. */
  stopping: AbortSignal;
  onFail: (job: JobPayload, error: unknown) => void;
  onDead: (job: JobPayload, error: unknown) => void;
}

export class FailedJobs {
  readonly #options: FailedJobsOptions;
  readonly #mending = new Set<Promise<void>>();
  readonly #exhausted: Exhausted;
  readonly #failedItems: FailedItems;
  /** Copies pushed for FAILs that Faktory has lost. */
  mended = 0;

  constructor(options: FailedJobsOptions) {
    this.#options = options;
    this.#failedItems = new FailedItems({
      ...options,
      outcomeOf: (job, thrown) => this.#outcomeOf(job, thrown),
      onDelayed: (job) => this.#tally(job, 'delayed'),
      onDead: (job, thrown, failure) => this.#onDead(job, thrown, failure),
    });
    this.#exhausted = new Exhausted({
      ...options,
      onDead: (job, thrown, failure) => this.#onDead(job, thrown, failure),
      onFailEnd: (job, thrown, failure, end, since) => this.#onEnd(job, thrown, failure, true, end, since),
    });
  }

  /** Takes a held job whose handler threw, while its lease lives. */
  add(held: HeldJob, thrown: unknown): void {
    const { job } = held;
    const failure = failureOf(job.jid, thrown);
    const { errtype, message } = failure;
    this.#tally(job, 'failed');
    const hasOthersDone = ItemsFailed.is(thrown) && canHandBack(job) && endOf(job) !== 'discarded';
    // The retry policy is asked about each of the items then.
    if (hasOthersDone) void this.#retryItems(held, thrown, failure);
    else this.#failWhole(held, thrown, failure);
    this.#options.logger.warn({ ...fieldsOf(job), errtype, message }, 'job failed');
    this.#options.onFail(job, thrown);
  }

  /** As the retry policy of its jobtype has it. */
  #failWhole(held: HeldJob, thrown: unknown, failure: Failure): void {
    const outcome = this.#outcomeOf(held.job, thrown);
    if (outcome.kind === 'delay' && canHandBack(held.job))
      void this.#delay(held, thrown, failure, outcome.delayMs);
    else this.#fail(held, thrown, failure, outcome.kind === 'kill');
  }

  /** One that failed and is tried again where it is. */
  tell(job: JobPayload, thrown: unknown): void {
    const { errtype, message } = failureOf(job.jid, thrown);
    this.#tally(job, 'failed');
    this.#options.logger.warn({ ...fieldsOf(job), errtype, message }, 'job failed');
    this.#options.onFail(job, thrown);
  }

  /** Of a partition, which has tried it as often as it may: to Dead, though Faktory knows of retries left. */
  exhaust(held: HeldJob, thrown: unknown, onEnd: (end: ExhaustEnd) => void): void {
    this.#exhausted.add(held, thrown, onEnd);
  }

  /** The same once its handler has ended well, when its lease may be over. */
  addIfLive(held: HeldJob, thrown: unknown): void {
    if (held.keeper !== undefined) return held.keeper.onFailed(held, thrown);
    if (leaseLives(held.lease, nowOnBothClocks())) return this.add(held, thrown);
    held.moveTo('settled');
    this.#tally(held.job, 'late');
  }

  /** FAILs a job that did not fail by itself, or of which that is told already. */
  failQuietly(held: HeldJob, thrown: unknown): void {
    this.#fail(held, thrown, failureOf(held.job.jid, thrown), false);
  }

  /** Jobs that Faktory has lost, or may have, and that no copy stands for yet. */
  get unmended(): number {
    return this.#mending.size;
  }

  /** Resolves when nothing is under way for jobs that failed. */
  async idle(): Promise<void> {
    await this.#exhausted.idle();
    while (this.#mending.size > 0) await Promise.all(this.#mending);
    await this.#options.kills.idle();
  }

  #outcomeOf(job: JobPayload, thrown: unknown): Outcome {
    try {
      return outcomeOf(job, thrown, this.#options.policyOf(job.jobtype));
    } catch (error) {
      const text = `the retry policy of "${job.jobtype}" cannot be used, Faktory's schedule is: ${messageOf(error)}`;
      this.#options.logger.error({ jobtype: job.jobtype }, text);
      return { kind: 'fail' };
    }
  }

  /** The user's own schedule: a copy with its history and `at`, then the ACK of the held one. */
  async #delay(held: HeldJob, thrown: unknown, failure: Failure, delayMs: number): Promise<void> {
    const { job } = held;
    const now = new Date();
    const history = failureAfter(job, failure, now);
    const at = delayMs > 0 ? { at: new Date(now.getTime() + delayMs) } : {};
    const end = await this.#options.returner.return(held, () => copyOf(job, { failure: history, ...at }));
    if (end === 'returned') this.#tally(job, 'delayed');
    if (end === 'refused') this.#failAfterAll(held, thrown, failure);
  }

  /** Of a job that carries many items, those that failed. */
  async #retryItems(held: HeldJob, thrown: ItemsFailed, failure: Failure): Promise<void> {
    if ((await this.#failedItems.add(held, thrown)) === 'refused') this.#failAfterAll(held, thrown, failure);
  }

  /** No copy stands for it. */
  #failAfterAll(held: HeldJob, thrown: unknown, failure: Failure): void {
    if (leaseLives(held.lease, nowOnBothClocks())) return this.#fail(held, thrown, failure, false);
    held.moveTo('settled');
    this.#tally(held.job, 'late');
  }

  #fail(held: HeldJob, thrown: unknown, failure: Failure, kill: boolean): void {
    this.#options.outbox.fail(held, failure, (end, doubtfulSince) =>
      this.#onEnd(held.job, thrown, failure, kill, end, doubtfulSince),
    );
  }

  #onEnd(
    job: JobPayload,
    thrown: unknown,
    failure: Failure,
    kill: boolean,
    end: FailEnd,
    doubtfulSince: number,
  ): void {
    switch (end) {
      case 'told':
        return this.#onTold(job, thrown, failure, kill, performance.now());
      case 'lost':
        return this.#later(this.#mend(job, thrown, failure, kill));
      case 'unclear':
        return this.#later(this.#mendIfRestarted(job, thrown, failure, kill, doubtfulSince));
      case 'late':
        return;
      default:
        end satisfies never;
    }
  }

  #onTold(job: JobPayload, thrown: unknown, failure: Failure, kill: boolean, since: number): void {
    const ended = endOf(job);
    if (ended === undefined) {
      const onKilled = (): void => this.#onDead(job, thrown, failure);
      if (kill) this.#options.kills.add({ jid: job.jid, target: 'retries', since, onKilled });
    } else if (ended === 'dead') this.#onDead(job, thrown, failure);
    else this.#onDiscarded(job, failure);
  }

  #onDead(job: JobPayload, thrown: unknown, { errtype, message }: Failure): void {
    this.#tally(job, 'dead');
    this.#options.logger.error({ ...fieldsOf(job), errtype, message }, 'job dead');
    this.#options.onDead(job, thrown);
  }

  #onDiscarded(job: JobPayload, { errtype, message }: Failure): void {
    this.#tally(job, 'discarded');
    const text = 'job discarded: it failed, and had asked for no retries';
    this.#options.logger.error({ ...fieldsOf(job), errtype, message }, text);
  }

  async #mendIfRestarted(
    job: JobPayload,
    thrown: unknown,
    failure: Failure,
    kill: boolean,
    since: number,
  ): Promise<void> {
    // Where it cannot be known: a second run is better than none.
    const restarted = await this.#options.restartedSince(since).catch(() => true);
    if (restarted) return this.#mend(job, thrown, failure, kill);
    this.#options.logger.debug(fieldsOf(job), 'Faktory knew already that the job failed');
    this.#onTold(job, thrown, failure, kill, since);
  }

  /** The job is nowhere any more: what Faktory would have put into Retries, or Dead, is pushed as a copy. */
  async #mend(job: JobPayload, thrown: unknown, failure: Failure, kill: boolean): Promise<void> {
    const ended = endOf(job);
    if (ended === 'discarded') return this.#onDiscarded(job, failure);
    const { logger, kills } = this.#options;
    const copy = this.#copyFor(job, failure);
    if (copy === undefined) {
      return logger.error(
        fieldsOf(job),
        'Faktory has lost the job that failed, and no copy may stand for it',
      );
    }
    if (!(await this.#pushUntilStored(job, copy))) return;
    this.mended += 1;
    const text = 'Faktory has lost the job that failed: pushed again as a copy';
    logger.warn({ ...fieldsOf(job), copy: copy.jid }, text);
    if (!kill && ended === undefined) return;
    const onKilled = (): void => this.#onDead({ ...job, jid: copy.jid }, thrown, failure);
    kills.add({ jid: copy.jid, target: 'scheduled', since: performance.now(), onKilled });
  }

  #copyFor(job: JobPayload, failure: Failure): EncodedJob | undefined {
    if (!canHandBack(job)) return undefined;
    const now = new Date();
    const at = new Date(now.getTime() + faktoryDelayMs(job));
    try {
      return copyOf(job, { at, failure: failureAfter(job, failure, now) });
    } catch {
      return undefined;
    }
  }

  /** Again and again, under its one jid, for as long as the worker lives: there is no other trace of the job. */
  async #pushUntilStored(job: JobPayload, copy: EncodedJob): Promise<boolean> {
    const { logger, pusher, stopping } = this.#options;
    for (let attempt = 0; ; attempt += 1) {
      try {
        await pusher.push(copy);
        return true;
      } catch (error) {
        const isOver = stopping.aborted || isMillraceError(error, 'JOB_REJECTED');
        const fields = { ...fieldsOf(job), reason: messageOf(error) };
        if (isOver) logger.error(fields, 'Faktory has lost the job that failed');
        else logger.warn(fields, 'Faktory has lost the job that failed, and its copy is not stored yet');
        if (isOver) return false;
        await pause(backoffMs(attempt), undefined, { ref: false, signal: stopping }).catch(() => {});
      }
    }
  }

  #later(work: Promise<void>): void {
    this.#mending.add(work);
    void work.finally(() => this.#mending.delete(work));
  }

  #tally(job: JobPayload, outcome: JobOutcome): void {
    this.#options.tallies.of(job.jobtype).outcomes[outcome] += 1;
  }
}

/** What a log line tells of a job: never its args. */
export function fieldsOf({ jid, jobtype, queue }: JobPayload): {
  jid: string;
  jobtype: string;
  queue: string;
} {
  return { jid, jobtype, queue };
}
