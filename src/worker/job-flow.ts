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
import type { SlowLog } from '../slow-log.ts';
import { Batches, SHARED } from './batches/batches.ts';
import { HeldBatch } from './batches/held-batch.ts';
import type { Breakers } from './breakers.ts';
import type { Charge } from './credits.ts';
import { Endings } from './endings.ts';
import type { Executor } from './executor.ts';
import { FailedJobs, type FailedJobsOptions, fieldsOf } from './failed-jobs.ts';
import { GivingBack } from './giving-back.ts';
import { HeldJob } from './held-job.ts';
import type { JobTallies } from './job-tally.ts';
import { Kills } from './kills.ts';
import { Late } from './late.ts';
import { leaseLives, leaseOf, type Moment, nowOnBothClocks } from './lease.ts';
import type { Limits } from './limits/limits.ts';
import { BLOCK_MS } from './loop-watch.ts';
import { Outbox } from './outbox.ts';
import type { Partitions } from './partitions/partitions.ts';
import { ackOrTell, type WayOfJobs, wayOfJobs } from './partitions/surroundings.ts';
import { poison } from './poison.ts';
import { ReadyJobs } from './ready-jobs.ts';
import type { GatherRules } from './results/gathering.ts';
import { Results } from './results/results.ts';
import { Returner } from './returner.ts';
import { Slots } from './slots.ts';
import { BREAKER_OPEN, WaitingJobs } from './waiting-jobs.ts';

export interface JobFlowOptions
  extends Pick<FailedJobsOptions, 'onFail' | 'onDead' | 'restartedSince' | 'tallies' | 'stopping'> {
  concurrency: number;
  /** Which queues' jobs get a slot first: 0, and so on. */
  rankOf: (queue: string) => number;
  zombieAfterMs: number;
  executor: Executor;
  ackLanes: Lanes;
  maxAckLanes: number;
  pusher: Pusher;
  logger: Logger;
  slow: SlowLog;
  breakers: Breakers;
  limits: Limits;
  /** How results are gathered for their reducers. */
  resultRules: GatherRules;
  /** How many jobs Retries holds; rejects when that cannot be known. */
  retriesSize: () => Promise<number>;
  roundTripMs: () => number;
  /** A handler starts. */
  onStart: (now: number) => void;
  /** Jobs are handed back since they waited too long for a slot. */
  onStale: () => void;
  /** Jobs of batch handlers come from this queue: so many of them may be held or on their way. */
  onBatchQueue: (queue: string, room: number | undefined) => void;
  /** A slot or a place in the outbox is free. */
  onRoom: () => void;
  /** Faktory answered a report with an error; it is sent again. */
  onRefused: (verb: string, text: string) => void;
  /** So many handlers run on though they lost their slot long ago. */
  onZombies: (count: number) => void;
}

export class JobFlow {
  readonly #options: JobFlowOptions;
  readonly #tallies: JobTallies;
  readonly #outbox: Outbox;
  readonly #slots: Slots;
  readonly #returner: Returner;
  readonly #failedJobs: FailedJobs;
  readonly givingBack: GivingBack;
  readonly #late: Late;
  readonly #waiting: WaitingJobs;
  readonly #endings: Endings;
  /** Batch handlers. */
  readonly batches: Batches;
  /** Results on their way to their reducers. */
  readonly results: Results;
  /** Where queues are split. */
  partitions: Partitions | undefined;
  /** The job whose handler has been called and has not returned. */
  #calling: HeldJob | undefined;
  /** Tokens that came back. */
  tokens = 0;
  /** Once jobs are handed back, none is started any more. */
  #returning = false;

  constructor(options: JobFlowOptions) {
    this.#options = options;
    this.#tallies = options.tallies;
    const { logger, executor, slow, pusher, ackLanes, tallies } = options;
    this.#late = new Late(tallies, logger);
    this.#outbox = new Outbox(ackLanes, options.maxAckLanes, {
      onReported: () => options.onRoom(),
      onLate: (held) => this.#late.tell(held, 'its report was too late'),
      onRefused: options.onRefused,
      onAnswered: (verb, ms) => slow.command(verb, ms),
    });
    const { concurrency, zombieAfterMs, limits } = options;
    this.#slots = new Slots(concurrency, zombieAfterMs, new ReadyJobs(options.rankOf), limits, {
      onStart: (held) => this.#start(held),
      onExpired: (held) => {
        if (held.state !== 'running') held.keeper?.onGone(held);
        // Of a batch each job is told on its own: the sweep of batches does.
        if (held instanceof HeldBatch) return;
        this.#late.tell(held, held.state === 'running' ? 'its handler still runs' : 'it had not started');
      },
      onSlow: (held) => logger.warn(fieldsOf(held.job), 'job has used 80% of its reservation'),
      onZombies: (count, jobtypes) => this.#onZombies(count, jobtypes),
    });
    this.#returner = new Returner({ pusher, outbox: this.#outbox, logger });
    this.#failedJobs = new FailedJobs({
      ...options,
      outbox: this.#outbox,
      returner: this.#returner,
      kills: new Kills({ lanes: ackLanes, logger, retriesSize: options.retriesSize }),
      policyOf: (jobtype) => executor.optionsOf(jobtype)?.retry,
    });
    this.givingBack = new GivingBack({
      returner: this.#returner,
      failedJobs: this.#failedJobs,
      tallies,
      late: this.#late,
    });
    this.#waiting = new WaitingJobs({ ...options, slots: this.#slots, givingBack: this.givingBack });
    const ack = ackOrTell(this.#outbox);
    this.results = new Results({
      ...options,
      rules: options.resultRules,
      onStored: ack,
      onUnsent: (held) => void this.givingBack.give(held),
      onRefused: (held, error) => this.#failedJobs.addIfLive(held, error),
    });
    this.#endings = new Endings({
      ...options,
      outbox: { ack },
      late: this.#late,
      givingBack: this.givingBack,
      failedJobs: this.#failedJobs,
      results: this.results,
    });
    this.batches = new Batches({
      onDue: (batch, now) => this.#slots.add(batch, now),
      onEnd: (batch, jobs, now) => this.#noteBatch(batch, jobs, now),
      finish: (batch, now) => this.#leaveSlot(batch, now),
      evict: (batch, now) => {
        this.#slots.evict(batch, now);
        options.onRoom();
      },
      onDone: (held, now) => this.#endings.done(held, now),
      onThrown: (held, thrown, now) => this.#endings.thrown(held, thrown, now),
      onTimedOut: (held, error, now) => this.#endings.failed(held, error, now),
      onLate: (held, why) => this.#late.tell(held, why),
      giveBack: (held, reason) => void this.givingBack.give(held, reason),
      onQueue: options.onBatchQueue,
      onShared: (queue, jobtype) => logger.warn({ queue, jobtype }, SHARED),
      longMs: () => this.#waiting.longMs,
      freeSlots: () => Math.max(0, concurrency - this.#slots.running),
      argsOf: (job) => executor.argsOf(job),
    });
  }

  get running(): number {
    return this.#slots.running;
  }

  /** Jobs that wait for a slot. */
  get ready(): number {
    return this.#slots.ready - this.batches.waiting;
  }

  /** Handlers that run on without a slot: what they do counts no longer. */
  get zombies(): number {
    return this.#slots.zombies;
  }

  /** Reports that Faktory has not answered. */
  get unreported(): number {
    return this.#outbox.size;
  }

  /** How long the oldest of them has waited, in ms. */
  get oldestReportMs(): number {
    return this.#outbox.oldestMs(performance.now());
  }

  /** Reports that were sent again. */
  get resent(): number {
    return this.#outbox.resent;
  }

  /** Copies pushed for jobs whose FAIL Faktory has lost. */
  get mended(): number {
    return this.#failedJobs.mended;
  }

  /** Jobs whose FAIL Faktory has lost, or may have, and that no copy stands for yet. */
  get unmended(): number {
    return this.#failedJobs.unmended;
  }

  /** The jobs that run, the longest-running first. */
  get held(): Iterable<HeldJob> {
    return this.#slots.held;
  }

  /** What partitions ask of it. */
  get wayOfJobs(): WayOfJobs {
    return wayOfJobs({
      slots: this.#slots,
      outbox: this.#outbox,
      givingBack: this.givingBack,
      failedJobs: this.#failedJobs,
      isReturning: () => this.#returning,
    });
  }

  /** Sends reports that no lane could take. */
  pump(): void {
    this.#outbox.pump();
  }

  /** Takes a fetched job; `writtenAt` is when its FETCH left. */
  onJob(job: JobPayload, writtenAt: number, steady: number, charge?: Charge): void {
    const now = { steady, wall: Date.now() };
    const held = new HeldJob(job, leaseOf(job.reserve_for, writtenAt, now), steady, charge);
    if (this.#returning) {
      charge?.release();
      void this.givingBack.give(held);
    } else if (this.#waiting.isHeldBack(held)) {
      charge?.release();
      void this.givingBack.give(held, BREAKER_OPEN);
    } else if (this.partitions?.take(held, now)) return;
    else if (!this.batches.any || !this.batches.take(held, now)) this.#slots.add(held, now);
  }

  /** A token has done its work by ending the wait of a FETCH. */
  onToken(token: JobPayload, writtenAt: number, steady: number): void {
    this.tokens += 1;
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
    const text = 'the job is too large for this worker, or no JSON';
    this.#failedJobs.add(held, poison(new MillraceError('JOB_INVALID', text)));
  }

  #start(held: HeldJob): void {
    const { executor, onStart } = this.#options;
    if (held.keeper?.starts(held) === false) {
      void this.givingBack.give(held, 'its partition is not ours any more');
      return this.#leaveSlot(held, nowOnBothClocks());
    }
    onStart(held.startedAt);
    if (held instanceof HeldBatch) return this.batches.start(held);
    const timeoutMs = executor.optionsOf(held.job.jobtype)?.handlerTimeoutMs;
    if (timeoutMs !== undefined) held.timeout = setTimeout(() => this.#onTimeout(held, timeoutMs), timeoutMs);
    this.#calling = held;
    executor.run(held, this);
    this.#calling = undefined;
    // One that has ended by now has been looked at.
    if (held.state === 'running') this.#noteBlocking(held, performance.now());
  }

  /** A handler that has run until now without a pause has let nothing else run. */
  #noteBlocking({ job, startedAt }: HeldJob, now: number): void {
    const ms = now - startedAt;
    if (ms >= BLOCK_MS) this.#options.slow.block([job.jobtype], ms, true);
  }

  onDone(held: HeldJob, result: unknown): void {
    const now = nowOnBothClocks();
    this.#note(held, now);
    this.#endings.done(held, now, result);
    held.keeper?.onHandlerEnd(held);
    this.#leaveSlot(held, now);
  }

  #leaveSlot(held: HeldJob, now: Moment): void {
    this.#slots.finish(held, now);
    this.#options.onRoom();
  }

  onThrown(held: HeldJob, thrown: unknown): void {
    const now = nowOnBothClocks();
    this.#note(held, now);
    this.#endings.thrown(held, thrown, now);
    held.keeper?.onHandlerEnd(held);
    this.#leaveSlot(held, now);
  }

  /** How long the handler took. */
  #note(held: HeldJob, now: Moment): void {
    const tally = this.#tallies.of(held.job.jobtype);
    if (held === this.#calling) this.#noteBlocking(held, now.steady);
    const ms = now.steady - held.startedAt;
    tally.seconds.observe(ms / 1_000);
    if (this.#options.slow.handler(held.job, ms)) tally.slow += 1;
  }

  #noteBatch(batch: HeldBatch, jobs: number, now: Moment): void {
    this.#note(batch, now);
    this.#tallies.of(batch.job.jobtype).batchJobs?.observe(jobs);
  }

  /** Its handlerTimeoutMs is over: it has failed, whatever its handler still does. */
  #onTimeout(held: HeldJob, timeoutMs: number): void {
    const now = nowOnBothClocks();
    // Where the lease is over the sweep does the rest: nothing may be told of the job any more.
    if (held.state !== 'running' || held.aborted || !leaseLives(held.lease, now)) return;
    const text = `the handler of "${held.job.jobtype}" did not end within its handlerTimeoutMs, ${timeoutMs} ms`;
    const error = new MillraceError('HANDLER_TIMEOUT', text);
    held.abort(error);
    this.#endings.failed(held, error, now);
    this.#slots.evict(held, now);
    this.#options.onRoom();
  }

  #onZombies(count: number, jobtypes: readonly string[]): void {
    const text = 'handlers do not end: their slots are free, what they still do counts no longer';
    this.#options.logger.warn({ jobtypes, count }, text);
    this.#options.onZombies(count);
  }

  /** A breaker has opened: what waits and came from its queue is handed back, no retry is burnt. */
  shed(): void {
    this.batches.handBack((each) => this.#waiting.isHeldBack(each), BREAKER_OPEN);
    this.#waiting.shed();
  }

  /** Looks at the leases; called once a second. */
  sweep(now: Moment): void {
    this.#outbox.sweep(now.steady);
    this.#slots.sweep(now);
    this.batches.sweep(now);
    this.#waiting.sweep(now);
  }

  /** A limit has room again. */
  wake(): void {
    this.#slots.wake(nowOnBothClocks());
  }

  /** Hands back those that wait for the limit of their jobtype. */
  giveBackLimited(): void {
    this.#waiting.giveBackLimited(() => true);
  }

  /** Resolves when no job is held, or when the time is over. */
  drained(withinMs: number): Promise<void> {
    return this.#slots.drained(withinMs);
  }

  /** Starts nothing any more: what waits, and what still comes, is handed back; what runs hears it must end. Batches are closed. */
  abort(): void {
    this.#returning = true;
    this.#waiting.give(this.#slots.takeReady());
    this.#slots.abortAll(new MillraceError('SHUTDOWN'));
  }

  /** Hands back what still runs; resolves when every copy is stored. */
  async handBackAll(): Promise<void> {
    this.#waiting.give(this.#slots.takeRunning());
    await this.#returner.idle();
  }

  /** Resolves when nothing is owed to Faktory any more. */
  async reported(): Promise<void> {
    do {
      await this.results.idle();
      await this.#returner.idle();
      await this.#outbox.empty();
      await this.#failedJobs.idle();
    } while (this.#outbox.size > 0);
  }
}
