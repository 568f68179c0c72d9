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
import { Fetcher } from './fetcher.ts';
import { Heartbeat } from './heartbeat.ts';
import { type JobCounts, JobFlow } from './job-flow.ts';
import { nowOnBothClocks } from './lease.ts';
import type { Middleware } from './middleware.ts';
import { type ResolvedOptions, resolveOptions, type WorkerOptions } from './options.ts';
import { FetchPlan } from './plan.ts';

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

/** What `worker.stats()` tells: what is held just now, and counts since the start. */
export interface WorkerStats extends JobCounts {
  state: WorkerState;
  concurrency: number;
  /** Handlers that run. */
  running: number;
  /** Jobs that wait for a slot. */
  ready: number;
  /** FETCHes on their way, or waiting at Faktory. */
  outstanding: number;
  /** ACKs and FAILs that Faktory has not answered. */
  unreported: number;
  fetchLanes: number;
  ackLanes: number;
  /** The least of the last ten beats. */
  roundTripMs: number;
  /** FETCHes left behind by lost sockets. */
  stranded: number;
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
  readonly #executor = new Executor();
  readonly #flow: JobFlow;
  readonly #fetcher: Fetcher;
  readonly #heartbeat: Heartbeat;
  #stranded = 0;
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
      onReady: () => this.#flow.pump(),
    });
    this.#flow = new JobFlow({
      concurrency,
      executor: this.#executor,
      ackLanes: this.#ackLanes,
      maxAckLanes: lanes.ack,
      pusher: this.#pusher,
      logger: link.logger,
      onRoom: () => this.#fetcher.refillSoon(),
      onFail: (job, error) => this.emit('fail', { job, error }),
    });
    this.#fetcher = new Fetcher({
      lanes: { ...shared, gate, deadlineMs: FETCH_DEADLINE_MS },
      maxLanes: lanes.fetch,
      plan: this.#plan,
      pusher: this.#pusher,
      nextQueues: this.#options.nextQueues,
      planState: () => ({
        running: this.#flow.running,
        ready: this.#flow.ready,
        credit: Number.POSITIVE_INFINITY,
        outboxFull: this.#flow.unreported >= this.#plan.outboxLimit(performance.now()),
      }),
      onJob: (job, writtenAt, now) => this.#flow.onJob(job, writtenAt, now),
      onToken: (token, writtenAt, now) => this.#flow.onToken(token, writtenAt, now),
      onOversized: (head, writtenAt, now) => this.#flow.onOversized(head, writtenAt, now),
      onRefused: (text) => link.logger.warn({ reply: text }, 'Faktory refused a FETCH; trying again'),
      onStranded: (count) => {
        this.#stranded += count;
      },
    });
    this.#heartbeat = new Heartbeat({
      control: this.#control,
      wid,
      intervalMs: this.#options.beatIntervalMs,
      isBusy: () => this.#plan.rate(performance.now()) > 0,
      // Told only once the FETCHes are back: a worker that Faktory knows as quiet may get no token either.
      isQuiet: () => !this.#fetches && this.#fetcher.outstanding === 0,
      onRoundTrip: (ms) => this.#plan.onRoundTrip(ms),
      onQuiet: () => this.quiet(),
      onTerminate: () => void this.stop(),
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

  /** Whether Faktory can be reached just now. */
  get connected(): boolean {
    return this.#control.ready.length > 0;
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
    void this.#fetcher.recall(this.#plan.roundTripMs).then(() => this.#heartbeat.beat());
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
      running: this.#flow.running,
      ready: this.#flow.ready,
      outstanding: this.#fetcher.outstanding,
      unreported: this.#flow.unreported,
      fetchLanes: this.#fetcher.laneCount,
      ackLanes: this.#ackLanes.ready.length,
      roundTripMs: this.#plan.roundTripMs,
      stranded: this.#stranded,
      ...this.#flow.counts,
    };
  }

  async #shutDown(): Promise<void> {
    if (this.#state === 'new') return this.#setState('stopped');
    this.#setState('stopping');
    const { shutdownTimeoutMs } = this.#options;
    this.#fetcher.stop();
    const deadline = performance.now() + shutdownTimeoutMs;
    await within(this.#fetcher.recall(this.#plan.roundTripMs), Math.max(shutdownTimeoutMs, RECALL_MS));
    this.#heartbeat.beat();
    await this.#flow.drained(Math.max(0, deadline - performance.now()));
    if (this.#flow.running + this.#flow.ready > 0) await this.#abortAndHandBack();
    await within(this.#flow.reported(), REPORT_MS);
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
    this.#flow.abortAll();
    await this.#flow.drained(CLEAN_UP_MS);
    await within(this.#flow.handBackAll(), REPORT_MS);
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
    this.#heartbeat.tick();
    this.#flow.sweep(nowOnBothClocks());
    this.#fetcher.refillSoon();
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

/** Waits for a promise, but no longer. */
async function within(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, timeout]);
  clearTimeout(timer);
}
