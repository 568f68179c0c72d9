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
import type { AnyJobs, ArgsOut, Contract, JobDefinitions } from '../contract/contract.ts';
import { isMillraceError, MillraceError, messageOf } from '../errors.ts';
import { encodeJob, type JobInput, type JobPayload } from '../protocol/job.ts';
import { Pusher } from '../pushing/pusher.ts';
import type { JobContext } from './context.ts';
import { type ContextHandler, Executor, type Handler, withoutContext } from './executor.ts';
import { Fetcher } from './fetcher.ts';
import { Heartbeat } from './heartbeat.ts';
import { HeldJob } from './held-job.ts';
import { JobFlow } from './job-flow.ts';
import { leaseOf, nowOnBothClocks } from './lease.ts';
import { NEXT, type WorkerEvents, type WorkerState, type WorkerStats } from './life.ts';
import type { Middleware } from './middleware.ts';
import { type ResolvedOptions, resolveOptions, type WorkerOptions } from './options.ts';
import { FetchPlan } from './plan.ts';
import { queueOrder } from './queues.ts';
import { trapSignals } from './signal-trap.ts';

const FETCH_DEADLINE_MS = 7_000;
const COMMAND_DEADLINE_MS = 9_000;
const TICK_MS = 1_000;
/** How long aborted handlers get to clean up, and the reports to leave. */
const CLEAN_UP_MS = 3_000;
const REPORT_MS = 800;
/** Calling FETCHes back gets this much time even where running jobs get none. */
const RECALL_MS = 500;
/** Tokens and copies wait this long for a Faktory that is away. */
const DELIVERY_TIMEOUT_MS = 30_000;

export class Worker<D extends JobDefinitions = AnyJobs> extends EventEmitter<WorkerEvents> {
  readonly #contract: Contract | undefined;
  readonly #options: ResolvedOptions;
  readonly #plan: FetchPlan;
  readonly #control: Lanes;
  readonly #ackLanes: Lanes;
  readonly #pusher: Pusher;
  readonly #executor: Executor;
  readonly #flow: JobFlow;
  readonly #fetcher: Fetcher;
  readonly #heartbeat: Heartbeat;
  #stranded = 0;
  #state: WorkerState = 'new';
  #ticking: NodeJS.Timeout | undefined;
  #stopping: Promise<void> | undefined;
  #untrap: (() => void) | undefined;
  #suspecting: NodeJS.Immediate | undefined;

  /** Throws CONFIG_INVALID, ADDRESS_INVALID, or JOB_INVALID (a queue's name). Connects when `work()` is called. */
  constructor(options: WorkerOptions<D> = {}) {
    super();
    this.#options = resolveOptions(options);
    const { contract } = options;
    this.#contract = contract;
    this.#executor = new Executor(contract && ((jobtype, args) => contract.parseArgs(jobtype, args)));
    const { link, wid, labels, concurrency, prefetch, lanes } = this.#options;
    const log = new LinkLog(link.logger);
    const onFault = (error: MillraceError): void => {
      if (isMillraceError(error, 'CONNECTION_STALLED')) this.#suspectAll();
      log.fault(error);
      if (this.listenerCount('error') > 0) this.#tell(() => this.emit('error', error));
    };
    const shared = { ...link, hello: helloOf(wid, labels), onFault };
    // The control lane is opened before any other socket of the wid: once quiet, Faktory makes FETCH sleep on the
    // first. So the others wait for it.
    const gate = (): boolean => this.#control.ready.length > 0;

    this.#plan = new FetchPlan(concurrency, prefetch, lanes.fetch);
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
      onFail: (job, error) => this.#tell(() => this.emit('fail', { job, error })),
      onRefused: (verb, text) => log.fault(refused(verb, text)),
    });
    this.#fetcher = new Fetcher({
      lanes: { ...shared, gate, deadlineMs: FETCH_DEADLINE_MS },
      maxLanes: lanes.fetch,
      plan: this.#plan,
      pusher: this.#pusher,
      nextQueues: queueOrder(this.#options.queues, (error) => log.fault(badQueues(error))),
      planState: () => ({
        running: this.#flow.running,
        ready: this.#flow.ready,
        credit: Number.POSITIVE_INFINITY,
        outboxFull: this.#flow.unreported >= this.#plan.outboxLimit(performance.now()),
      }),
      onJob: (job, writtenAt, now) => this.#flow.onJob(job, writtenAt, now),
      onToken: (token, writtenAt, now) => this.#flow.onToken(token, writtenAt, now),
      onUnreadable: (head, writtenAt, now) => this.#flow.onUnreadable(head, writtenAt, now),
      onRefused: (text) => log.fault(refused('FETCH', text)),
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
    for (const [jobtype, handler] of Object.entries(options.registry ?? {})) {
      this.#register(jobtype, handler, withoutContext(handler));
    }
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
  register<T extends keyof D & string>(jobtype: T, handler: (...args: ArgsOut<D[T]>) => unknown): this {
    return this.#register(jobtype, handler, withoutContext(handler as Handler));
  }

  /** The nicer form of `register`: the handler gets the context first, then the args. */
  handle<T extends keyof D & string>(
    jobtype: T,
    handler: (ctx: JobContext, ...args: ArgsOut<D[T]>) => unknown,
  ): this {
    return this.#register(jobtype, handler, handler as ContextHandler);
  }

  #register(jobtype: string, given: unknown, handler: ContextHandler): this {
    if (typeof given !== 'function') throw new TypeError(`the handler of "${jobtype}" must be a function`);
    // Throws JOB_INVALID for one that the contract does not have: its jobs could only fail.
    this.#contract?.definitionOf(jobtype);
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
   * Runs one job with its handler and middleware, and no Faktory: nothing is fetched, reported, or tried again, no slot
   * is taken, and the worker need not work. For tests (`runJob` of `millrace/testing`). The job goes through JSON as
   * one that was pushed. Resolves to what the handler returned; rejects with what it threw, HANDLER_UNKNOWN, or
   * JOB_INVALID for a job that could not be pushed.
   */
  async perform(job: JobInput): Promise<unknown> {
    const { json } = encodeJob(job, { retry: 25, reserveFor: 1800 });
    const payload = JSON.parse(json) as JobPayload;
    const now = nowOnBothClocks();
    const held = new HeldJob(payload, leaseOf(payload.reserve_for, now.steady, now), now.steady);
    return new Promise((resolve, reject) => {
      this.#executor.run(held, {
        onDone: (_held, result) => resolve(result),
        onThrown: (_held, thrown) => reject(thrown),
      });
    });
  }

  /**
   * Starts: resolves once Faktory has welcomed the worker, and keeps trying until then; or when it is stopped
   * meanwhile. Rejects with CLOSED when it was started or stopped before.
   */
  async work(): Promise<this> {
    if (this.#state !== 'new') throw new MillraceError('CLOSED', 'work() can be called once, before stop()');
    this.#setState('starting');
    const { link, concurrency } = this.#options;
    link.logger.info({ wid: this.wid, pid: process.pid }, `Concurrency: ${concurrency} jobs per worker`);
    if (this.#options.trapSignals) this.#untrap = trapSignals(this);
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
    try {
      await this.#control.acquire(Number.POSITIVE_INFINITY);
    } catch (error) {
      if (this.#stopping === undefined) throw error;
    }
    if (this.state === 'starting') this.#setState('running');
    return this;
  }

  /** Fetches nothing more; what runs goes on. FETCHes that wait at Faktory are called back. */
  quiet(): void {
    if (!this.#fetches) return;
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
    const start = performance.now();
    const left = (ms: number): number => Math.max(0, start + ms - performance.now());
    this.#fetcher.stop();
    await within(this.#fetcher.recall(this.#plan.roundTripMs), Math.max(shutdownTimeoutMs, RECALL_MS));
    this.#heartbeat.beat();
    await this.#flow.drained(left(shutdownTimeoutMs));
    // Whatever Faktory does, it ends by then.
    const lastMs = Math.max(shutdownTimeoutMs, RECALL_MS) + CLEAN_UP_MS + REPORT_MS;
    if (this.#flow.running + this.#flow.ready > 0) {
      this.#setState('aborting');
      this.#flow.abort();
      await this.#flow.drained(CLEAN_UP_MS);
      await within(this.#flow.handBackAll(), left(lastMs));
    }
    await within(this.#flow.reported(), Math.min(REPORT_MS, left(lastMs)));
    this.#tellWhatIsLeft();
    await this.#closeLanes(Math.min(REPORT_MS, left(lastMs)));
    this.#setState('stopped');
    this.emit('stop');
  }

  /** Says END where Faktory listens; where it does not, the sockets end without. */
  async #closeLanes(withinMs: number): Promise<void> {
    clearInterval(this.#ticking);
    this.#untrap?.();
    const closed = async (): Promise<void> => {
      await Promise.all([this.#fetcher.close(), this.#ackLanes.close()]);
      await this.#control.close();
    };
    await within(closed(), withinMs);
    this.#fetcher.destroy();
    for (const lanes of [this.#ackLanes, this.#control]) lanes.destroy();
    this.#pusher.abandon(new MillraceError('SHUTDOWN'));
  }

  #tellWhatIsLeft(): void {
    const { unreturned, unreported } = this.#flow;
    if (unreturned + unreported === 0) return;
    const text = `${unreturned} jobs were not handed back and ${unreported} reports not answered before the end`;
    this.#options.link.logger.warn({ wid: this.wid }, `${text}: Faktory gives these jobs out again later`);
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
    this.#fetcher.tick();
  }

  /** One lane was found dead: are the others? Once a tick, since each that is dropped is a fault again. */
  #suspectAll(): void {
    this.#suspecting ??= setImmediate(() => {
      for (const lanes of [this.#control, this.#ackLanes]) lanes.dropSilent(FETCH_DEADLINE_MS);
      this.#fetcher.dropSilent();
      this.#heartbeat.beat();
      this.#suspecting = undefined;
    });
  }

  /** A listener is the user's: what it throws is logged, and disturbs nothing. */
  #tell(emit: () => void): void {
    try {
      emit();
    } catch (error) {
      this.#options.link.logger.error({ err: error }, 'a listener of the worker threw');
    }
  }
}

function refused(verb: string, text: string): MillraceError {
  return new MillraceError('COMMAND_REFUSED', `Faktory answers ${verb} with: ${text}`);
}

function badQueues(error: unknown): MillraceError {
  return new MillraceError('CONFIG_INVALID', `nothing is fetched: the queues function: ${messageOf(error)}`);
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
