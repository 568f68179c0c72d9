/**
 * The consumer's side: fetches jobs, runs them in slots, reports each. The names are npm faktory-worker's.
 *
 * Its life only moves forward: *new*, *starting* (until Faktory has welcomed it), *running*, *quiet* (fetches
 * nothing more), *stopping* (lets what runs finish), *aborting* (hands back what does not), *stopped*.
 */
import { EventEmitter, captureRejectionSymbol as nodejsRejection } from 'node:events';
import { askQueues, type QueueReport } from '../connection/queue-report.ts';
import type { AnyJobs, ArgsOut, Contract, JobDefinitions, ResultsIn } from '../contract/contract.ts';
import { MillraceError } from '../errors.ts';
import type { Holder } from '../partitions/holder.ts';
import { encodeJob, type JobInput, type JobPayload } from '../protocol/job.ts';
import { alone, type BatchHandler } from './batches/batch-handler.ts';
import { type BatchOptions, batchRules } from './batches/batch-options.ts';
import {
  type ChunkHandler,
  type ChunkHandlerOptions,
  checkChunkOptions,
  chunked,
  type ItemsOf,
} from './batches/chunked.ts';
import type { JobContext } from './context.ts';
import { Engine } from './engine.ts';
import { type ContextHandler, Executor, type Handler, withoutContext } from './executor.ts';
import { checkHandlerOptions, type HandlerOptions } from './handler-options.ts';
import { HeldJob } from './held-job.ts';
import type { JobTallies } from './job-tally.ts';
import { leaseOf, nowOnBothClocks } from './lease.ts';
import { NEXT, type WorkerEvents, type WorkerSnapshot, type WorkerState, type WorkerStats } from './life.ts';
import type { Middleware } from './middleware.ts';
import { resolveOptions, type WorkerOptions } from './options.ts';
import { noteSharing, targetFor, treat } from './registration.ts';
import { checkReducer, type Reducer, reducerHandler } from './results/reducer.ts';
import { shutDown } from './shutdown.ts';
import { trapSignals } from './signal-trap.ts';
import { snapshotOf, statsOf } from './stats.ts';

export class Worker<D extends JobDefinitions = AnyJobs> extends EventEmitter<WorkerEvents> {
  readonly #contract: Contract | undefined;
  readonly #executor: Executor;
  readonly #engine: Engine;
  #state: WorkerState = 'new';
  #stopping: Promise<void> | undefined;
  #untrap: (() => void) | undefined;
  #exhausted = false;

  /** Throws CONFIG_INVALID, ADDRESS_INVALID, or JOB_INVALID (a queue's name). Connects when `work()` is called. */
  constructor(options: WorkerOptions<D> = {}) {
    // What an asynchronous listener rejects with is logged as what another throws.
    super({ captureRejections: true });
    const { contract } = options;
    this.#contract = contract;
    this.#executor = new Executor(contract && ((jobtype, args) => contract.parseArgs(jobtype, args)));
    this.#engine = new Engine(resolveOptions(options), this.#executor, {
      fetches: () => this.#fetches,
      onFault: (error) => {
        if (this.listenerCount('error') > 0) this.#tell(() => this.emit('error', error));
      },
      onFail: (job, error) => this.#tell(() => this.emit('fail', { job, error })),
      onDead: (job, error) => this.#tell(() => this.emit('dead', { job, error })),
      onQuiet: () => this.quiet(),
      onTerminate: () => void this.stop(),
      onZombies: (count) => this.#onZombies(count),
    });
    if (options.onDead !== undefined) this.on('dead', options.onDead);
    for (const [jobtype, handler] of Object.entries(options.registry ?? {})) {
      this.#register(jobtype, handler, withoutContext(handler));
    }
    for (const layer of options.middleware ?? []) this.use(layer);
  }

  get wid(): string {
    return this.#engine.options.wid;
  }

  get state(): WorkerState {
    return this.#state;
  }

  /** Whether Faktory can be reached just now. */
  get connected(): boolean {
    return this.#engine.control.ready.length > 0;
  }

  get concurrency(): number {
    return this.#engine.options.concurrency;
  }

  /** Whether so many handlers never ended that it has stopped itself: its process should end with an error. */
  get exhausted(): boolean {
    return this.#exhausted;
  }

  /** The jobtypes that have a handler. */
  get jobtypes(): string[] {
    return this.#executor.jobtypes;
  }

  /**
   * Sets the handler of a jobtype: it gets the job's args, and may return a function that gets the context. Throws
   * CONFIG_INVALID for options that cannot be, JOB_INVALID for a jobtype that the contract does not have.
   */
  register<T extends keyof D & string>(
    jobtype: T,
    handler: (...args: ArgsOut<D[T]>) => unknown,
    options?: HandlerOptions,
  ): this {
    return this.#register(jobtype, handler, withoutContext(handler as Handler), options);
  }

  /** The nicer form of `register`: the handler gets the context first, then the args. */
  handle<T extends keyof D & string>(
    jobtype: T,
    handler: (ctx: JobContext, ...args: ArgsOut<D[T]>) => unknown,
    options?: HandlerOptions,
  ): this {
    return this.#register(jobtype, handler, handler as ContextHandler, options);
  }

  /**
   * Sets the batch handler of a jobtype: it gets up to `maxSize` jobs in one call and one slot, in the order in which they
   * were fetched, and answers nothing when all are done, or an outcome for each; each job is reported on its own. Middleware
   * is for single jobs, and does not run around it. Throws as `register` does.
   */
  registerBatch<T extends keyof D & string>(
    jobtype: T,
    options: BatchOptions,
    handler: BatchHandler<ArgsOut<D[T]>>,
  ): this {
    const rules = batchRules(jobtype, options, this.concurrency);
    const { maxSize: _size, maxDelayMs: _delay, concurrency: _calls, ...each } = options;
    this.#register(jobtype, handler, alone(handler), each);
    this.#engine.tallies.addBatch(jobtype);
    this.#engine.flow.batches.register(jobtype, handler, rules);
    return this;
  }

  /**
   * Sets the handler of jobs that `client.pushChunked` makes: it gets the items of one of them, and answers nothing when all
   * are done, or an outcome for each. Those that failed are tried again alone, as a copy of the job. Throws as `register`
   * does.
   */
  registerChunked<T extends keyof D & string>(
    jobtype: T,
    handler: ChunkHandler<ItemsOf<ArgsOut<D[T]>>>,
    options?: ChunkHandlerOptions,
  ): this {
    checkChunkOptions(jobtype, options);
    return this.#register(jobtype, handler, chunked(handler), options);
  }

  /**
   * Sets the reducer of a jobtype: its jobs are what `reduceTo` of other jobtypes sends, and `process` gets their results,
   * many at a time. Some may come twice, each with the `source` that it had (`RecentSources` drops those). Its timer runs
   * while the worker works, and once more when that stops, if batches have come since. Throws as `register` does.
   */
  registerReducer<T extends keyof D & string>(
    jobtype: T,
    reducer: Reducer<ResultsIn<D> & { source: string }>,
    options?: HandlerOptions,
  ): this {
    checkReducer(jobtype, reducer);
    const { reducerTimers } = this.#engine;
    const handler = reducerHandler(reducer, () => reducerTimers.onBatch(jobtype));
    this.#register(jobtype, handler, handler, options);
    reducerTimers.set(jobtype, reducer.timer);
    return this;
  }

  #register(jobtype: string, given: unknown, handler: ContextHandler, options: HandlerOptions = {}): this {
    if (typeof given !== 'function') throw new TypeError(`the handler of "${jobtype}" must be a function`);
    // Throws JOB_INVALID for one that the contract does not have: its jobs could only fail.
    this.#contract?.definitionOf(jobtype);
    checkHandlerOptions(jobtype, options);
    const target = targetFor(jobtype, options, this.#contract);
    this.#executor.register(jobtype, handler, options);
    this.#engine.tallies.add(jobtype);
    this.#engine.flow.batches.remove(jobtype);
    treat(jobtype, options, target, {
      engine: this.#engine,
      executor: this.#executor,
      contract: this.#contract,
    });
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
    const { link, concurrency, trapSignals: trap } = this.#engine.options;
    link.logger.info({ wid: this.wid, pid: process.pid }, `Concurrency: ${concurrency} jobs per worker`);
    if (trap) this.#untrap = trapSignals(this);
    noteSharing(this.#engine, this.#executor, this.#contract);
    try {
      await this.#engine.start();
    } catch (error) {
      if (this.#stopping === undefined) throw error;
    }
    if (this.state === 'starting') {
      this.#setState('running');
      this.#engine.reducerTimers.start();
    }
    return this;
  }

  /** Fetches nothing more; what runs goes on. FETCHes that wait at Faktory are called back. */
  quiet(): void {
    if (!this.#fetches) return;
    this.#setState('quiet');
    void this.#engine.stopFetching();
    this.#engine.options.link.logger.info({ wid: this.wid }, 'quiet: fetching no more jobs');
    this.#tell(() => this.emit('quiet'));
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
    return statsOf(this.#engine, this.#state);
  }

  /** The stats, and where its jobs are: what SIGUSR2 writes as one line. */
  snapshot(): WorkerSnapshot {
    return snapshotOf(this.#engine, this.#state);
  }

  /** What is counted of each jobtype, for metrics. */
  get tallies(): JobTallies {
    return this.#engine.tallies;
  }

  /** Who holds its partitions, by queue, for metrics; empty where there are none, or owners are fixed. */
  get partitionHolders(): readonly Holder[] {
    return this.#engine.partitions?.holders ?? [];
  }

  /** How Faktory's queues and sets fare, at most 15 s old. Rejects while Faktory cannot be reached. */
  queueReport(): Promise<QueueReport> {
    return askQueues(this.#engine.options.link.address, this.#engine.control);
  }

  async #shutDown(): Promise<void> {
    if (this.#state === 'new') return this.#setState('stopped');
    this.#setState('stopping');
    await shutDown(this.#engine, () => this.#setState('aborting'));
    this.#untrap?.();
    this.#setState('stopped');
    this.#tell(() => this.emit('stop'));
  }

  get #fetches(): boolean {
    return this.#state === 'starting' || this.#state === 'running';
  }

  #setState(next: WorkerState): void {
    if (!NEXT[this.#state].includes(next))
      throw new Error(`a worker cannot go from ${this.#state} to ${next}`);
    this.#state = next;
  }

  #onZombies(count: number): void {
    const { link, maxZombies } = this.#engine.options;
    if (count < maxZombies || !this.#fetches) return;
    this.#exhausted = true;
    const text = `${count} handlers never end: the worker stops, so that whoever supervises it starts a fresh one`;
    link.logger.error({ wid: this.wid }, text);
    void this.stop();
  }

  /** A listener is the user's: what it throws is logged, and disturbs nothing. */
  #tell(emit: () => void): void {
    try {
      emit();
    } catch (error) {
      this.#onListenerFault(error);
    }
  }

  override [nodejsRejection](error: Error, ..._event: unknown[]): void {
    this.#onListenerFault(error);
  }

  #onListenerFault(error: unknown): void {
    this.#engine.options.link.logger.error({ err: error }, 'a listener of the worker threw');
  }
}
