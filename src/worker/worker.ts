/**
 * The consumer's side: fetches jobs, runs them in slots, reports each. The names are npm faktory-worker's.
 *
 * Its life only moves forward: *new*, *starting* (until Faktory has welcomed it), *running*, *quiet* (fetches
 * nothing more), *stopping* (lets what runs finish), *aborting* (hands back what does not), *stopped*.
 */
import { EventEmitter } from 'node:events';
import { showAddress } from '../connection/address.ts';
import { Lanes } from '../connection/lanes.ts';
import { LinkLog } from '../connection/link-log.ts';
import { helloOf } from '../connection/options.ts';
import { MillraceError } from '../errors.ts';
import type { JobPayload } from '../protocol/job.ts';
import { Pusher } from '../pushing/pusher.ts';
import { type ContextHandler, Executor, type Handler, withoutContext } from './executor.ts';
import { failureOf } from './failure.ts';
import { Fetcher } from './fetcher.ts';
import { Heartbeat } from './heartbeat.ts';
import { HeldJob } from './held-job.ts';
import { ackWorthwhile, leaseLives, leaseOf, nowOnBothClocks } from './lease.ts';
import type { Middleware } from './middleware.ts';
import { type ResolvedOptions, resolveOptions, type WorkerOptions } from './options.ts';
import { Outbox } from './outbox.ts';
import { FetchPlan } from './plan.ts';
import { Returner } from './returner.ts';
import { Slots } from './slots.ts';

export type WorkerState = 'new' | 'starting' | 'running' | 'quiet' | 'stopping' | 'aborting' | 'stopped';

const NEXT: Record<WorkerState, readonly WorkerState[]> = {
  new: ['starting', 'stopped'],
  starting: ['running', 'stopping'],
  running: ['quiet', 'stopping'],
  quiet: ['stopping'],
  stopping: ['aborting', 'stopped'],
  aborting: ['stopped'],
  stopped: [],
};

/** What `worker.stats()` tells: counts since the start, and what is held just now. */
export interface WorkerStats {
  state: WorkerState;
  concurrency: number;
  running: number;
  ready: number;
  outstanding: number;
  unreported: number;
  fetchLanes: number;
  ackLanes: number;
  roundTripMs: number;
  done: number;
  failed: number;
  handedBack: number;
  late: number;
  stranded: number;
  tokens: number;
}

export interface WorkerEvents {
  /** A handler failed; the job is FAILed. */
  fail: [{ job: JobPayload; error: unknown }];
  /** Faktory was lost, or refuses something. The worker goes on trying. */
  error: [MillraceError];
  /** It fetches nothing more. */
  quiet: [];
  /** It has stopped, by `stop()`, a signal, or because Faktory said terminate. */
  stop: [];
}

const FETCH_DEADLINE_MS = 7_000;
const COMMAND_DEADLINE_MS = 9_000;
const TICK_MS = 1_000;
/** How long aborted handlers get to clean up, and the reports to leave. */
const CLEAN_UP_MS = 3_000;
const REPORT_MS = 900;
/** Calling FETCHes back gets this much time even where running jobs get none. */
const RECALL_MS = 500;
/** Tokens and copies wait this long for a Faktory that is away. */
const DELIVERY_TIMEOUT_MS = 30_000;

export class Worker extends EventEmitter<WorkerEvents> {
  readonly #options: ResolvedOptions;
  readonly #plan: FetchPlan;
  readonly #control: Lanes;
  readonly #ackLanes: Lanes;
  readonly #pusher: Pusher;
  readonly #outbox: Outbox;
  readonly #slots: Slots;
  readonly #executor: Executor;
  readonly #fetcher: Fetcher;
  readonly #heartbeat: Heartbeat;
  readonly #returner: Returner;
  readonly #counts = { done: 0, failed: 0, handedBack: 0, late: 0, stranded: 0, tokens: 0 };
  #state: WorkerState = 'new';
  #ticking: NodeJS.Timeout | undefined;
  #stopping: Promise<void> | undefined;
  #untrap: (() => void) | undefined;

  /** Throws CONFIG_INVALID, ADDRESS_INVALID, or JOB_INVALID (a queue's name). Connects when `work()` is called. */
  constructor(options: WorkerOptions = {}) {
    super();
    this.#options = resolveOptions(options);
    const { link, wid, labels, concurrency, prefetch, lanes } = this.#options;
    const log = new LinkLog(link.logger);
    const onFault = (error: MillraceError): void => {
      log.fault(error);
      if (this.listenerCount('error') > 0) this.emit('error', error);
    };
    const shared = { ...link, hello: helloOf(wid, labels), onFault };
    // The control lane is opened before any other socket of the wid: once quiet, Faktory makes FETCH sleep on the
    // first. So the others wait for it.
    const gate = (): boolean => this.#control.ready.length > 0;

    this.#plan = new FetchPlan(concurrency, prefetch);
    this.#control = new Lanes({
      ...shared,
      deadlineMs: COMMAND_DEADLINE_MS,
      onReady: () => {
        log.up(showAddress(link.address));
        this.#onControlReady();
      },
    });
    this.#pusher = new Pusher(this.#control, { maxLanes: 1, deliveryTimeoutMs: DELIVERY_TIMEOUT_MS });
    this.#ackLanes = new Lanes({
      ...shared,
      gate,
      deadlineMs: COMMAND_DEADLINE_MS,
      onReady: () => this.#outbox.pump(),
    });
    this.#outbox = new Outbox(this.#ackLanes, lanes.ack, {
      onReported: () => this.#fetcher.refillSoon(),
      onLate: (held) => this.#onLate(held, 'its report was too late'),
      onNotFound: (held) =>
        link.logger.warn(fieldsOf(held), 'Faktory did not know the job that failed: it was reported before'),
    });
    this.#slots = new Slots(concurrency, {
      onStart: (held) => this.#executor.run(held),
      onExpired: (held) =>
        this.#onLate(held, held.state === 'running' ? 'its handler still runs' : 'it had not started'),
      onSlow: (held) => link.logger.warn(fieldsOf(held), 'job has used 80% of its reservation'),
    });
    this.#executor = new Executor({
      onDone: (held) => this.#onDone(held),
      onThrown: (held, thrown) => this.#onThrown(held, thrown),
    });
    this.#fetcher = new Fetcher({
      lanes: { ...shared, gate, deadlineMs: FETCH_DEADLINE_MS },
      maxLanes: lanes.fetch,
      plan: this.#plan,
      pusher: this.#pusher,
      nextQueues: this.#options.nextQueues,
      planState: () => ({
        running: this.#slots.running,
        ready: this.#slots.ready,
        credit: Number.POSITIVE_INFINITY,
        outboxFull: this.#outbox.size >= this.#plan.outboxLimit(performance.now()),
      }),
      onJob: (job, writtenAt, now) => this.#onJob(job, writtenAt, now),
      onToken: (token, writtenAt, now) => this.#onToken(token, writtenAt, now),
      onOversized: (head, writtenAt, now) => this.#onOversized(head, writtenAt, now),
      onRefused: (text) => link.logger.warn({ reply: text }, 'Faktory refused a FETCH; trying again'),
      onStranded: (count) => {
        this.#counts.stranded += count;
      },
    });
    this.#heartbeat = new Heartbeat({
      control: this.#control,
      wid,
      intervalMs: this.#options.beatIntervalMs,
      isBusy: () => this.#plan.rate(performance.now()) > 0,
      isQuiet: () => !this.#fetches,
      onRoundTrip: (ms) => this.#plan.onRoundTrip(ms),
      onQuiet: () => this.quiet(),
      onTerminate: () => void this.stop(),
    });
    this.#returner = new Returner({
      pusher: this.#pusher,
      outbox: this.#outbox,
      logger: link.logger,
      fail: (held, reason) =>
        this.#outbox.fail(held, failureOf(held.job.jid, new MillraceError('SHUTDOWN', reason))),
    });
    for (const [jobtype, handler] of Object.entries(options.registry ?? {})) this.register(jobtype, handler);
    for (const layer of options.middleware ?? []) this.use(layer);
  }

  get wid(): string {
    return this.#options.wid;
  }

  get state(): WorkerState {
    return this.#state;
  }

  get concurrency(): number {
    return this.#options.concurrency;
  }

  /** The jobtypes that have a handler. */
  get jobtypes(): string[] {
    return this.#executor.jobtypes;
  }

  /** Sets the handler of a jobtype: it gets the job's args, and may return a function that gets the context. */
  register(jobtype: string, handler: Handler): this {
    if (typeof handler !== 'function') throw new TypeError(`the handler of "${jobtype}" must be a function`);
    this.#executor.register(jobtype, withoutContext(handler));
    return this;
  }

  /** The nicer form of `register`: the handler gets the context first, then the args. */
  handle(jobtype: string, handler: ContextHandler): this {
    if (typeof handler !== 'function') throw new TypeError(`the handler of "${jobtype}" must be a function`);
    this.#executor.register(jobtype, handler);
    return this;
  }

  /** Adds middleware around every handler, the first one outermost. */
  use(middleware: Middleware): this {
    if (typeof middleware !== 'function') throw new TypeError('a middleware must be a function');
    this.#executor.use(middleware);
    return this;
  }

  /**
   * Starts: resolves once Faktory has welcomed the worker, and keeps trying until then. Rejects with CLOSED when it
   * was stopped before.
   */
  async work(): Promise<this> {
    if (this.#state !== 'new') throw new MillraceError('CLOSED', 'work() can be called once, before stop()');
    this.#setState('starting');
    const { link, concurrency, trapSignals } = this.#options;
    link.logger.info({ wid: this.wid, pid: process.pid }, `Concurrency: ${concurrency} jobs per worker`);
    if (trapSignals) this.#untrap = this.#trapSignals();
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
    await this.#control.acquire(Number.POSITIVE_INFINITY);
    if (this.state === 'starting') this.#setState('running');
    return this;
  }

  /** Fetches nothing more; what runs goes on. FETCHes that wait at Faktory are called back. */
  quiet(): void {
    if (this.#state !== 'running') return;
    this.#setState('quiet');
    this.#fetcher.stop();
    void this.#fetcher.recall(this.#plan.roundTripMs);
    this.#heartbeat.beat();
    this.#options.link.logger.info({ wid: this.wid }, 'quiet: fetching no more jobs');
    this.emit('quiet');
  }

  /**
   * Stops: calls FETCHes back, lets running jobs finish for `shutdownTimeoutMs`, aborts the rest, hands back what
   * does not finish within 3 s more, sends every report, ends the connections. Safe to call at any time, and again.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#shutDown();
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  stats(): WorkerStats {
    return {
      state: this.#state,
      concurrency: this.concurrency,
      running: this.#slots.running,
      ready: this.#slots.ready,
      outstanding: this.#fetcher.outstanding,
      unreported: this.#outbox.size,
      fetchLanes: this.#fetcher.laneCount,
      ackLanes: this.#ackLanes.ready.length,
      roundTripMs: this.#plan.roundTripMs,
      ...this.#counts,
    };
  }

  async #shutDown(): Promise<void> {
    if (this.#state === 'new') return this.#setState('stopped');
    this.#setState('stopping');
    const { shutdownTimeoutMs } = this.#options;
    this.#fetcher.stop();
    this.#heartbeat.beat();
    const deadline = performance.now() + shutdownTimeoutMs;
    await within(this.#fetcher.recall(this.#plan.roundTripMs), Math.max(shutdownTimeoutMs, RECALL_MS));
    await this.#slots.drained(Math.max(0, deadline - performance.now()));
    if (this.#slots.running + this.#slots.ready > 0) await this.#abortAndHandBack();
    await within(this.#outbox.empty(), REPORT_MS);
    clearInterval(this.#ticking);
    await within(Promise.all([this.#fetcher.close(), this.#ackLanes.close()]), REPORT_MS);
    await within(this.#control.close(), REPORT_MS);
    this.#fetcher.destroy();
    for (const lanes of [this.#ackLanes, this.#control]) lanes.destroy();
    this.#pusher.abandon(new MillraceError('SHUTDOWN'));
    this.#untrap?.();
    this.#setState('stopped');
    this.emit('stop');
  }

  async #abortAndHandBack(): Promise<void> {
    this.#setState('aborting');
    this.#slots.abortAll(new MillraceError('SHUTDOWN'));
    await this.#slots.drained(CLEAN_UP_MS);
    const unfinished = this.#slots.takeAll();
    await within(Promise.all(unfinished.map((held) => this.#handBack(held))), REPORT_MS);
  }

  async #handBack(held: HeldJob): Promise<void> {
    this.#counts.handedBack += 1;
    await this.#returner.handBack(held);
  }

  get #fetches(): boolean {
    return this.#state === 'starting' || this.#state === 'running';
  }

  #setState(next: WorkerState): void {
    if (!NEXT[this.#state].includes(next))
      throw new Error(`a worker cannot go from ${this.#state} to ${next}`);
    this.#state = next;
  }

  #onControlReady(): void {
    this.#heartbeat.beat();
    this.#pusher.pump();
    this.#ackLanes.want(Math.max(1, this.#ackLanes.wanted));
    if (!this.#fetches) return;
    this.#fetcher.start();
    this.#fetcher.refresh();
  }

  #tick(): void {
    const now = nowOnBothClocks();
    this.#heartbeat.tick();
    this.#slots.sweep(now);
    for (const held of this.#slots.takeStale(now)) void this.#handBack(held);
    this.#fetcher.refillSoon();
  }

  #onJob(job: JobPayload, writtenAt: number, steady: number): void {
    const now = { steady, wall: Date.now() };
    const held = new HeldJob(job, leaseOf(job.reserve_for, writtenAt, now), steady);
    if (this.#state === 'aborting') void this.#handBack(held);
    else this.#slots.add(held, now);
  }

  /** A token has done its work by ending the wait of a FETCH. */
  #onToken(token: JobPayload, writtenAt: number, steady: number): void {
    this.#counts.tokens += 1;
    const lease = leaseOf(token.reserve_for, writtenAt, { steady, wall: Date.now() });
    this.#outbox.ack(new HeldJob(token, lease, steady));
  }

  /** Too large to hold: its jid stands near its head, and is all that a FAIL needs. */
  #onOversized(head: string, writtenAt: number, steady: number): void {
    const jid = /"jid":"([^"\\]{8,128})"/.exec(head)?.[1];
    if (jid === undefined) return;
    const job: JobPayload = {
      jid,
      jobtype: /"jobtype":"([^"\\]*)"/.exec(head)?.[1] ?? '',
      args: [],
      queue: '',
    };
    const held = new HeldJob(job, leaseOf(undefined, writtenAt, { steady, wall: Date.now() }), steady);
    this.#onFailed(held, new MillraceError('JOB_INVALID', 'the job is too large for this worker'));
  }

  #onDone(held: HeldJob): void {
    const now = nowOnBothClocks();
    if (held.state === 'running') {
      this.#counts.done += 1;
      if (ackWorthwhile(held.lease, now)) this.#outbox.ack(held);
      else this.#expire(held);
    }
    this.#slots.finish(held, now);
    this.#fetcher.refillSoon();
  }

  #onThrown(held: HeldJob, thrown: unknown): void {
    const now = nowOnBothClocks();
    if (held.state === 'running') {
      if (leaseLives(held.lease, now)) this.#onFailed(held, thrown);
      else this.#expire(held);
    }
    this.#slots.finish(held, now);
    this.#fetcher.refillSoon();
  }

  #onFailed(held: HeldJob, thrown: unknown): void {
    this.#counts.failed += 1;
    const failure = failureOf(held.job.jid, thrown);
    const { errtype, message } = failure;
    this.#options.link.logger.warn({ ...fieldsOf(held), errtype, message }, 'job failed');
    this.#outbox.fail(held, failure);
    this.emit('fail', { job: held.job, error: thrown });
  }

  #expire(held: HeldJob): void {
    held.moveTo('settled');
    this.#onLate(held, 'its outcome came too late');
  }

  #onLate(held: HeldJob, why: string): void {
    this.#counts.late += 1;
    this.#options.link.logger.warn(
      fieldsOf(held),
      `the reservation of a job ran out: ${why}; Faktory gives it out again`,
    );
  }

  #trapSignals(): () => void {
    const stop = (): void => {
      if (this.#stopping !== undefined) process.exit(1);
      void this.stop();
    };
    const quiet = (): void => this.quiet();
    process.on('SIGTERM', stop).on('SIGINT', stop).on('SIGTSTP', quiet);
    return () => process.off('SIGTERM', stop).off('SIGINT', stop).off('SIGTSTP', quiet);
  }
}

function fieldsOf(held: HeldJob): { jid: string; jobtype: string; queue: string } {
  const { jid, jobtype, queue } = held.job;
  return { jid, jobtype, queue };
}

/** Waits for a promise, but no longer. */
async function within(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, timeout]);
  clearTimeout(timer);
}
