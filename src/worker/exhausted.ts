/**
 * Jobs of partitions that have no try left, to Dead: as a copy that Faktory sends there with its next FAIL. One that there
 * can be no copy of by FAIL and MUTATE kill, which may not be done.
 */
import { isMillraceError, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Failure } from '../protocol/commands.ts';
import type { JobPayload } from '../protocol/job.ts';
import type { Pusher } from '../pushing/pusher.ts';
import { failureOf } from './failure.ts';
import { canHandBack } from './hand-back.ts';
import type { HeldJob } from './held-job.ts';
import type { Kills } from './kills.ts';
import { leaseEnd } from './lease.ts';
import type { FailEnd, Outbox } from './outbox.ts';
import { failureOfSpent, isSpent, spentCopyOf } from './partitions/spent.ts';
import { endOf } from './retry.ts';

/**
 * `dead`: Faktory has it in Dead, or has discarded it. `copied`: a copy is stored that goes there, and the job is still to
 * be ACKed. `back`: neither; it comes again.
 */
export type ExhaustEnd = 'dead' | 'copied' | 'back';

export interface ExhaustedOptions {
  outbox: Outbox;
  pusher: Pusher;
  kills: Kills;
  logger: Logger;
  onDead: (job: JobPayload, thrown: unknown, failure: Failure) => void;
  /** Of a FAIL that was the last, or of which it is not clear what became. */
  onFailEnd: (
    job: JobPayload,
    thrown: unknown,
    failure: Failure,
    end: FailEnd,
    doubtfulSince: number,
  ) => void;
}

export class Exhausted {
  readonly #options: ExhaustedOptions;
  readonly #copying = new Set<Promise<void>>();

  constructor(options: ExhaustedOptions) {
    this.#options = options;
  }

  /** `held`: as Faktory has it, which may know of retries left. */
  add(held: HeldJob, thrown: unknown, onEnd: (end: ExhaustEnd) => void): void {
    const { job } = held;
    if (isSpent(job)) return this.#bury(held, onEnd);
    const failure = failureOf(job.jid, thrown);
    if (endOf(job) !== undefined || !canHandBack(job)) return this.#fail(held, thrown, failure, onEnd);
    const copied = this.#pushCopy(held, thrown, failure).then((end) => {
      if (end === 'refused') this.#fail(held, thrown, failure, onEnd);
      else onEnd(end);
    });
    this.#copying.add(copied);
    void copied.finally(() => this.#copying.delete(copied));
  }

  /** Resolves when no copy is on its way. */
  async idle(): Promise<void> {
    while (this.#copying.size > 0) await Promise.all(this.#copying);
  }

  async #pushCopy(held: HeldJob, thrown: unknown, failure: Failure): Promise<ExhaustEnd | 'refused'> {
    const { job, lease } = held;
    const { pusher, logger, onDead } = this.#options;
    try {
      const copy = spentCopyOf(job, failure, new Date());
      await pusher.push(copy, { notAfter: leaseEnd(lease) });
      onDead({ ...job, jid: copy.jid }, thrown, failure);
      return 'copied';
    } catch (error) {
      const fields = { jid: job.jid, jobtype: job.jobtype, reason: messageOf(error) };
      logger.debug(fields, 'the copy of a job that is to go to Dead is not stored');
      if (!isMillraceError(error, 'DELIVERY_UNKNOWN')) return 'refused';
      // It may be stored, and is without a place then: the job itself comes again.
      held.moveTo('settled');
      return 'back';
    }
  }

  #fail(held: HeldJob, thrown: unknown, failure: Failure, onEnd: (end: ExhaustEnd) => void): void {
    const { job } = held;
    const { outbox, kills, onDead, onFailEnd } = this.#options;
    const isLast = endOf(job) !== undefined;
    outbox.fail(held, failure, (end, doubtfulSince) => {
      if (end !== 'told' || isLast) {
        onFailEnd(job, thrown, failure, end, doubtfulSince);
        return onEnd(isLast && end !== 'late' ? 'dead' : 'back');
      }
      const onKilled = (): void => {
        onDead(job, thrown, failure);
        onEnd('dead');
      };
      const onLeft = (): void => onEnd('back');
      kills.add({ jid: job.jid, target: 'retries', since: performance.now(), onKilled, onLeft });
    });
  }

  /** A copy that goes to Dead with this FAIL: all was told when it was made. */
  #bury(held: HeldJob, onEnd: (end: ExhaustEnd) => void): void {
    const { job } = held;
    const failure = failureOfSpent(job);
    const { outbox, onFailEnd } = this.#options;
    outbox.fail(held, failure, (end, doubtfulSince) => {
      if (end !== 'told') onFailEnd(job, new Error(failure.message), failure, end, doubtfulSince);
      onEnd(end === 'late' ? 'back' : 'dead');
    });
  }
}
