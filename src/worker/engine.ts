/**
 * The parts of a worker and how they are wired: lanes to Faktory, the plan and the fetcher, the way of jobs, beats. It
 * has no life of its own; `Worker` tells it when to fetch and `shutdown.ts` how to end.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { showAddress } from '../connection/address.ts';
import { askInfo, infoWaitMs } from '../connection/info.ts';
import { Lanes } from '../connection/lanes.ts';
import { LinkLog } from '../connection/link-log.ts';
import { helloOf } from '../connection/options.ts';
import { isMillraceError, MillraceError, messageOf } from '../errors.ts';
import type { JobPayload } from '../protocol/job.ts';
import { Pusher } from '../pushing/pusher.ts';
import { SlowLog } from '../slow-log.ts';
import { Breakers } from './breakers.ts';
import { Credits } from './credits.ts';
import type { Executor } from './executor.ts';
import { Fetcher } from './fetcher.ts';
import { Heartbeat } from './heartbeat.ts';
import { JobFlow } from './job-flow.ts';
import { JobTallies } from './job-tally.ts';
import { nowOnBothClocks } from './lease.ts';
import { Limits } from './limits/limits.ts';
import { LoopWatch } from './loop-watch.ts';
import type { ResolvedOptions } from './options.ts';
import { oddInPartition } from './partitions/odd.ts';
import { Partitions } from './partitions/partitions.ts';
import { FetchPlan } from './plan.ts';
import { queueOrder, queueRank } from './queues.ts';
import { ReducerTimers } from './results/reducer-timers.ts';
import { WakeNames } from './wake.ts';

const FETCH_DEADLINE_MS = 7_000;
const COMMAND_DEADLINE_MS = 9_000;
/** When one lane is found dead, idle ones that were silent for so long are replaced: what cuts one often cuts all. */
const SUSPECT_MS = 3_000;
const TICK_MS = 1_000;
const ASK_AGAIN_MS = 100;
/** Tokens and copies wait this long for a Faktory that is away. */
const DELIVERY_TIMEOUT_MS = 30_000;

/** What the worker is asked and told. */
export interface EngineEvents {
  /** Whether it fetches jobs just now. */
  fetches(): boolean;
  onFault(error: MillraceError): void;
  onFail(job: JobPayload, error: unknown): void;
  onDead(job: JobPayload, error: unknown): void;
  /** Faktory says so. */
  onQuiet(): void;
  onTerminate(): void;
  /** So many handlers run on though they have lost their slots. */
  onZombies(count: number): void;
}

export class Engine {
  readonly options: ResolvedOptions;
  readonly plan: FetchPlan;
  readonly control: Lanes;
  readonly ackLanes: Lanes;
  readonly pusher: Pusher;
  readonly flow: JobFlow;
  readonly fetcher: Fetcher;
  readonly heartbeat: Heartbeat;
  readonly credits = new Credits();
  readonly breakers: Breakers;
  readonly limits: Limits;
  readonly reducerTimers: ReducerTimers;
  /** Where queues are split. */
  readonly partitions: Partitions | undefined;
  readonly tallies = new JobTallies();
  readonly slow: SlowLog;
  /** FETCHes that lost sockets have left behind. */
  stranded = 0;
  readonly #events: EngineEvents;
  readonly #watch = new LoopWatch();
  readonly #stopping = new AbortController();
  #ticking: NodeJS.Timeout | undefined;
  #suspecting: NodeJS.Immediate | undefined;

  constructor(options: ResolvedOptions, executor: Executor, events: EngineEvents) {
    this.options = options;
    this.#events = events;
    const { link, wid, labels, concurrency, prefetch, lanes } = options;
    const { logger } = link;
    const log = new LinkLog(logger);
    const onFault = (error: MillraceError): void => {
      if (isMillraceError(error, 'CONNECTION_STALLED')) this.#suspectAll();
      log.fault(error);
      events.onFault(error);
    };
    const shared = { ...link, hello: helloOf(wid, labels), onFault };
    // The control lane is opened before any other socket of the wid: once quiet, Faktory makes FETCH sleep on the
    // first. So the others wait for it.
    const gate = (): boolean => this.control.ready.length > 0;

    const rankOf = queueRank(options.queues);
    const names = new WakeNames();
    const onStranded = (count: number): void => {
      this.stranded += count;
    };
    this.slow = new SlowLog(logger, options.slowMs);
    this.breakers = new Breakers(this.credits, logger, () => {
      this.flow.shed();
      this.fetcher.recallOnce();
    });
    for (const [queue, breaker] of Object.entries(options.breakers)) this.breakers.forQueue(queue, breaker);
    this.limits = new Limits({
      credits: this.credits,
      logger,
      mostStrays: concurrency,
      roundTripMs: () => this.plan.roundTripMs,
      onRoom: () => {
        this.flow.wake();
        this.fetcher.refillSoon();
      },
    });
    this.reducerTimers = new ReducerTimers(logger);
    this.plan = new FetchPlan(concurrency, prefetch, lanes.fetch);
    this.control = new Lanes({
      ...shared,
      deadlineMs: COMMAND_DEADLINE_MS,
      onReady: () => {
        log.up(showAddress(link.address));
        this.#onControlReady();
      },
    });
    this.pusher = new Pusher(this.control, { maxLanes: 1, deliveryTimeoutMs: DELIVERY_TIMEOUT_MS });
    this.ackLanes = new Lanes({
      ...shared,
      gate,
      deadlineMs: COMMAND_DEADLINE_MS,
      onReady: () => this.flow.pump(),
    });
    this.flow = new JobFlow({
      concurrency,
      rankOf: (queue) => rankOf(this.partitions?.plainQueueOf(queue) ?? queue),
      executor,
      ackLanes: this.ackLanes,
      maxAckLanes: lanes.ack,
      pusher: this.pusher,
      logger,
      slow: this.slow,
      breakers: this.breakers,
      limits: this.limits,
      resultRules: options.results,
      tallies: this.tallies,
      retriesSize: async () => (await askInfo(link.address, this.control)).info.faktory.sets.retries,
      restartedSince: (moment) => this.#restartedSince(moment),
      stopping: this.#stopping.signal,
      zombieAfterMs: options.zombieAfterMs,
      roundTripMs: () => this.plan.roundTripMs,
      onStart: (now) => this.plan.onStart(now),
      onStale: () => this.plan.onStale(),
      onBatchQueue: (queue, room) => this.#onBatchQueue(queue, room),
      onRoom: () => {
        this.fetcher.refillSoon();
        this.partitions?.lanes.refillSoon();
      },
      onFail: events.onFail,
      onDead: events.onDead,
      onRefused: (verb, text) => log.fault(refused(verb, text)),
      onZombies: events.onZombies,
    });
    this.fetcher = new Fetcher({
      lanes: { ...shared, gate, deadlineMs: FETCH_DEADLINE_MS },
      maxLanes: lanes.fetch,
      plan: this.plan,
      pusher: this.pusher,
      names,
      credits: this.credits,
      nextQueues: queueOrder(options.queues, (error) => log.fault(badQueues(error))),
      planState: () => ({
        running: this.flow.running,
        // Jobs that wait for their jobtype's limit do so without a slot; credits bound them.
        ready: this.flow.ready - this.limits.parked,
        outboxFull: this.#outboxFull,
      }),
      batches: this.flow.batches,
      onJob: (job, writtenAt, now, charge) => this.flow.onJob(job, writtenAt, now, charge),
      onToken: (token, writtenAt, now) => this.flow.onToken(token, writtenAt, now),
      onUnreadable: (head, writtenAt, now) => this.flow.onUnreadable(head, writtenAt, now),
      onRefused: (text) => log.fault(refused('FETCH', text)),
      onStranded,
    });
    this.partitions =
      options.partitions &&
      new Partitions({
        ...this.flow.wayOfJobs,
        rules: options.partitions,
        wid,
        logger,
        slots: concurrency,
        lanes: { ...shared, gate, deadlineMs: FETCH_DEADLINE_MS },
        maxLanes: lanes.fetch,
        names,
        pusher: this.pusher,
        credits: this.credits,
        policyOf: (jobtype) => executor.optionsOf(jobtype)?.retry,
        roundTripMs: () => this.plan.roundTripMs,
        unreported: () => this.flow.unreported,
        info: () => askInfo(link.address, this.control),
        oddOf: (jobtype) => oddInPartition(executor.optionsOf(jobtype), this.tallies.of(jobtype)),
        onJob: (job, writtenAt, now, charge) => this.flow.onJob(job, writtenAt, now, charge),
        onToken: (token, writtenAt, now) => this.flow.onToken(token, writtenAt, now),
        onUnreadable: (head, writtenAt, now) => this.flow.onUnreadable(head, writtenAt, now),
        onRefused: (text) => log.fault(refused('FETCH', text)),
        onStranded,
      });
    this.flow.partitions = this.partitions;
    this.heartbeat = new Heartbeat({
      control: this.control,
      wid,
      intervalMs: options.beatIntervalMs,
      isBusy: () => this.plan.rate(performance.now()) > 0 || this.partitions?.isBusy === true,
      // Told only once the FETCHes are back: a worker that Faktory knows as quiet may get no token either.
      isQuiet: () => !events.fetches() && this.outstanding === 0,
      onRoundTrip: (ms) => this.plan.onRoundTrip(ms),
      onQuiet: events.onQuiet,
      onTerminate: events.onTerminate,
    });
  }

  /** Its credit is the room of the batches, and by so much more is fetched ahead. */
  #onBatchQueue(queue: string, room: number | undefined): void {
    const credit = (): number => this.flow.batches.creditOf(queue, this.plan.mostGathered);
    this.credits.limit(queue, room === undefined ? undefined : credit, 'batches');
    let sum = 0;
    for (const each of this.flow.batches.queues.values()) sum += each;
    this.plan.allowBatches(sum);
  }

  /** Resolves once Faktory has welcomed the worker; rejects with CLOSED when it is ended before. */
  async start(): Promise<void> {
    this.#watch.start();
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
    await this.control.acquire(Number.POSITIVE_INFINITY);
    if (this.#events.fetches()) await this.partitions?.start();
  }

  /** FETCHes on their way, or waiting at Faktory. */
  get outstanding(): number {
    return this.fetcher.outstanding + (this.partitions?.outstanding ?? 0);
  }

  /** Fetches nothing more; resolves when every FETCH is back. */
  async stopFetching(): Promise<void> {
    this.fetcher.stop();
    await Promise.all([this.fetcher.recall(this.plan.roundTripMs), this.partitions?.leave()]);
    this.heartbeat.beat();
  }

  /** Nothing that can wait is waited for from now on. */
  beginStop(): void {
    this.#stopping.abort();
  }

  /** Whether so much is owed to Faktory that nothing more may be taken: reports, and results that are being pushed. */
  get #outboxFull(): boolean {
    const { unreported, results } = this.flow;
    const limit = this.plan.outboxLimit(performance.now()) + (this.partitions?.allowance ?? 0);
    return unreported >= limit || results.travelling >= limit + 2 * this.options.results.maxSize;
  }

  /** Nothing is looked after any more. */
  stopTicking(): void {
    this.limits.close();
    clearInterval(this.#ticking);
    this.#watch.stop();
  }

  #onControlReady(): void {
    this.heartbeat.beat();
    this.pusher.pump();
    this.ackLanes.want(Math.max(1, this.ackLanes.wanted));
    if (!this.#events.fetches()) return;
    this.fetcher.start();
    this.fetcher.refresh();
    this.partitions?.lanes.refresh();
  }

  #tick(): void {
    const now = nowOnBothClocks();
    this.#tellBlocks();
    this.heartbeat.tick();
    this.breakers.tick(now.steady);
    this.flow.sweep(now);
    this.partitions?.sweep(now);
    this.fetcher.tick();
  }

  /** Who blocked is known only of handlers that did so before their first await: those were told by name. */
  #tellBlocks(): void {
    const longestMs = this.#watch.longestMs();
    const told = this.slow.takeToldOfBlock();
    if (longestMs === 0 || told) return;
    const jobtypes = new Set<string>();
    for (const { job } of this.flow.held) jobtypes.add(job.jobtype);
    if (jobtypes.size > 0) this.slow.block([...jobtypes].sort(), longestMs, false);
  }

  /** One lane was found dead: are the others? Once a tick, since each that is dropped is a fault again. */
  #suspectAll(): void {
    this.#suspecting ??= setImmediate(() => {
      for (const lanes of [this.control, this.ackLanes]) lanes.dropSilent(SUSPECT_MS);
      this.fetcher.dropSilent();
      this.partitions?.lanes.dropSilent();
      this.heartbeat.beat();
      this.#suspecting = undefined;
    });
  }

  /** By INFO's uptime, which must be of now: an answer of before tells nothing of a restart since. */
  async #restartedSince(moment: number): Promise<boolean> {
    const { address } = this.options.link;
    const now = performance.now();
    for (;;) {
      const known = await askInfo(address, this.control).catch(() => undefined);
      if (known !== undefined && known.askedAt - known.info.server.uptime * 1_000 > moment) return true;
      if (known !== undefined && known.askedAt >= now) return false;
      // Where nobody answered the control lane is coming back. Rejects when the worker stops.
      const { signal } = this.#stopping;
      await pause(Math.max(ASK_AGAIN_MS, infoWaitMs(address)), undefined, { ref: false, signal });
    }
  }
}

function refused(verb: string, text: string): MillraceError {
  return new MillraceError('COMMAND_REFUSED', `Faktory answers ${verb} with: ${text}`);
}

function badQueues(error: unknown): MillraceError {
  return new MillraceError('CONFIG_INVALID', `nothing is fetched: the queues function: ${messageOf(error)}`);
}
