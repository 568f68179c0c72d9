/**
 * The way of a job through the worker: from the reply of its FETCH, through a slot and its handler, to the report
 * that Faktory answers.
 */
import type { Lanes } from '../connection/lanes.ts';
import { MillraceError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { topLevelString } from '../protocol/head.ts';
import type { JobPayload } from '../protocol/job.ts';
import type { Pusher } from '../pushing/pusher.ts';
import type { Executor } from './executor.ts';
import { failureOf } from './failure.ts';
import { HeldJob } from './held-job.ts';
import { ackWorthwhile, leaseLives, leaseOf, type Moment, nowOnBothClocks } from './lease.ts';
import { Outbox } from './outbox.ts';
import { Returner } from './returner.ts';
import { Slots } from './slots.ts';

export interface JobFlowOptions {
  concurrency: number;
  executor: Executor;
  ackLanes: Lanes;
  maxAckLanes: number;
  pusher: Pusher;
  logger: Logger;
  /** A slot or a place in the outbox is free. */
  onRoom: () => void;
  onFail: (job: JobPayload, error: unknown) => void;
  /** Faktory answered a report with an error; it is sent again. */
  onRefused: (verb: string, text: string) => void;
}

export interface JobCounts {
  done: number;
  failed: number;
  handedBack: number;
  late: number;
  tokens: number;
}

export class JobFlow {
  readonly #options: JobFlowOptions;
  readonly #outbox: Outbox;
  readonly #slots: Slots;
  readonly #returner: Returner;
  readonly counts: JobCounts = { done: 0, failed: 0, handedBack: 0, late: 0, tokens: 0 };
  /** Once jobs are handed back, none is started any more. */
  #returning = false;
  #returns = 0;
  readonly #handBacks = new Set<Promise<boolean>>();

  constructor(options: JobFlowOptions) {
    this.#options = options;
    const { logger, executor } = options;
    this.#outbox = new Outbox(options.ackLanes, options.maxAckLanes, {
      onReported: () => options.onRoom(),
      onLate: (held) => this.#onLate(held, 'its report was too late'),
      onNotFound: (held) =>
        logger.warn(
          fieldsOf(held),
          'Faktory does not know the job that failed: it was told before, or has lost it',
        ),
      onRefused: options.onRefused,
    });
    this.#slots = new Slots(options.concurrency, {
      onStart: (held) => executor.run(held, this),
      onExpired: (held) =>
        this.#onLate(held, held.state === 'running' ? 'its handler still runs' : 'it had not started'),
      onSlow: (held) => logger.warn(fieldsOf(held), 'job has used 80% of its reservation'),
    });
    this.#returner = new Returner({
      pusher: options.pusher,
      outbox: this.#outbox,
      logger,
      fail: (held, reason) =>
        this.#outbox.fail(held, failureOf(held.job.jid, new MillraceError('SHUTDOWN', reason))),
    });
  }

  get running(): number {
    return this.#slots.running;
  }

  get ready(): number {
    return this.#slots.ready;
  }

  /** Reports that Faktory has not answered. */
  get unreported(): number {
    return this.#outbox.size;
  }

  /** Sends reports that no lane could take. */
  pump(): void {
    this.#outbox.pump();
  }

  /** Takes a fetched job; `writtenAt` is when its FETCH left. */
  onJob(job: JobPayload, writtenAt: number, steady: number): void {
    const now = { steady, wall: Date.now() };
    const held = new HeldJob(job, leaseOf(job.reserve_for, writtenAt, now), steady);
    if (this.#returning) void this.#handBack(held);
    else this.#slots.add(held, now);
  }

  /** A token has done its work by ending the wait of a FETCH. */
  onToken(token: JobPayload, writtenAt: number, steady: number): void {
    this.counts.tokens += 1;
    this.#outbox.ack(
      new HeldJob(token, leaseOf(token.reserve_for, writtenAt, { steady, wall: Date.now() }), steady),
    );
  }

  /** A job too large to hold, or no JSON: its jid stands near its head, and is all that a FAIL needs. */
  onUnreadable(head: string, writtenAt: number, steady: number): void {
    const jid = topLevelString(head, 'jid');
    const jobtype = topLevelString(head, 'jobtype') ?? '';
    if (jid === undefined) {
      const text =
        'a job is too large, or no JSON, and its jid was not found to FAIL it: it waits for its reservation';
      return this.#options.logger.error({ head: head.slice(0, 200) }, text);
    }
    const lease = leaseOf(undefined, writtenAt, { steady, wall: Date.now() });
    const held = new HeldJob({ jid, jobtype, args: [], queue: '' }, lease, steady);
    this.#onFailed(
      held,
      new MillraceError('JOB_INVALID', 'the job is too large for this worker, or no JSON'),
    );
  }

  onDone(held: HeldJob): void {
    const now = nowOnBothClocks();
    if (held.state === 'running') {
      this.counts.done += 1;
      if (ackWorthwhile(held.lease, now)) this.#outbox.ack(held);
      else this.#expire(held);
    }
    this.#slots.finish(held, now);
    this.#options.onRoom();
  }

  onThrown(held: HeldJob, thrown: unknown): void {
    const now = nowOnBothClocks();
    if (held.state === 'running') {
      if (!leaseLives(held.lease, now)) this.#expire(held);
      // A handler that ends because it was told to has not failed: no retry is burnt.
      else if (held.aborted) void this.#handBack(held);
      else this.#onFailed(held, thrown);
    }
    this.#slots.finish(held, now);
    this.#options.onRoom();
  }

  /** Looks at the leases; called once a second. */
  sweep(now: Moment): void {
    this.#slots.sweep(now);
    for (const held of this.#slots.takeStale(now)) void this.#handBack(held);
  }

  /** Resolves when no job is held, or when the time is over. */
  drained(withinMs: number): Promise<void> {
    return this.#slots.drained(withinMs);
  }

  /** Starts nothing any more: what waits, and what still comes, is handed back; what runs hears it must end. */
  abort(): void {
    this.#returning = true;
    for (const held of this.#slots.takeReady()) void this.#handBack(held);
    this.#slots.abortAll(new MillraceError('SHUTDOWN'));
  }

  /** Hands back what still runs; resolves when every copy is stored. */
  async handBackAll(): Promise<void> {
    for (const held of this.#slots.takeRunning()) void this.#handBack(held);
    while (this.#handBacks.size > 0) await Promise.all(this.#handBacks);
  }

  /** Resolves when every report was answered. */
  reported(): Promise<void> {
    return this.#outbox.empty();
  }

  /** Jobs that were to be handed back and were not: Faktory gives them out again when their reservations end. */
  get unreturned(): number {
    return this.#returns - this.counts.handedBack;
  }

  async #handBack(held: HeldJob): Promise<void> {
    this.#returns += 1;
    const handBack = this.#returner.handBack(held);
    this.#handBacks.add(handBack);
    if (await handBack) this.counts.handedBack += 1;
    this.#handBacks.delete(handBack);
  }

  #onFailed(held: HeldJob, thrown: unknown): void {
    this.counts.failed += 1;
    const failure = failureOf(held.job.jid, thrown);
    const { errtype, message } = failure;
    this.#options.logger.warn({ ...fieldsOf(held), errtype, message }, 'job failed');
    this.#outbox.fail(held, failure);
    this.#options.onFail(held.job, thrown);
  }

  #expire(held: HeldJob): void {
    held.moveTo('settled');
    // One that was aborted for it has been counted then.
    if (!held.aborted) this.#onLate(held, 'its outcome came too late');
  }

  #onLate(held: HeldJob, why: string): void {
    this.counts.late += 1;
    this.#options.logger.warn(
      fieldsOf(held),
      `the reservation of a job ran out: ${why}; Faktory gives it out again`,
    );
  }
}

function fieldsOf(held: HeldJob): { jid: string; jobtype: string; queue: string } {
  const { jid, jobtype, queue } = held.job;
  return { jid, jobtype, queue };
}
