/**
 * The producer's side: pushes jobs over pipelined lanes. It is npm faktory-worker's Client, method by method,
 * with `send` on lanes instead of its pool (which is never used), and `enqueue`, `flush` and `pushAll` beside.
 */
import { Client as FaktoryWorkerClient, type Job } from 'faktory-worker';
import { isSet, readSetting } from '../config.ts';
import { showAddress } from '../connection/address.ts';
import { request } from '../connection/command.ts';
import { type LaneCounts, Lanes } from '../connection/lanes.ts';
import { LinkLog } from '../connection/link-log.ts';
import { helloOf, type Link, resolveLink } from '../connection/options.ts';
import { askQueues, type QueueReport } from '../connection/queue-report.ts';
import { SoloLanes } from '../connection/solo-lanes.ts';
import type { AnyJobs, ArgsIn, Contract, JobDefinitions } from '../contract/contract.ts';
import { isMillraceError, MillraceError } from '../errors.ts';
import { resolvePartitions } from '../partitions/open.ts';
import { rawCommand } from '../protocol/commands.ts';
import { whyForbidden } from '../protocol/forbidden.ts';
import { type JobDefaults, newJid } from '../protocol/job.ts';
import type { PushedJob } from '../pushing/options.ts';
import { type PushCaller, Pusher, type PusherStats } from '../pushing/pusher.ts';
import { SlowLog } from '../slow-log.ts';
import { Checks, checkError } from './checks.ts';
import { Encoding } from './encoding.ts';
import { KeyedPushes } from './keyed-pushes.ts';
import {
  type ClientOptions,
  type ClientPushOptions,
  type JobToPush,
  type Pushable,
  payloadOf,
  pusherOptions,
} from './options.ts';
import { type PushOutcome, pushAll } from './push-all.ts';
import { type ChunkOptions, type ItemIn, pushChunked } from './push-chunked.ts';
import { lookThrough } from './queue-look.ts';

/** A client in numbers, for metrics. */
export interface ClientStats extends PusherStats {
  readonly lanes: LaneCounts;
  /** Sockets to Faktory that the process has, and may have. */
  readonly sockets: { readonly used: number; readonly limit: number };
}

export type { ClientOptions, ClientPushOptions, JobToPush, Pushable, PushCaller, PushOutcome };

/** The jobs that `pushBulk` could not store, by jid: `{ reason, payload }`. */
export type Rejected = Awaited<ReturnType<FaktoryWorkerClient['pushBulk']>>;

/** The longest that a command waits for a connection, as in faktory-worker. */
const ACQUIRE_TIMEOUT_MS = 5_000;
const COMMAND_DEADLINE_MS = 9_000;
/** A FETCH may rightly wait two seconds. */
const FETCH_DEADLINE_MS = 7_000;
/** Errors of `enqueue` kept for the next `flush`; beyond, they are only counted. */
const MAX_KEPT_ERRORS = 1_000;

type State = 'open' | 'closing' | 'closed';

export class Client<D extends JobDefinitions = AnyJobs> extends FaktoryWorkerClient {
  /** What jobs there are, where that was told. */
  readonly contract: Contract | undefined;
  readonly #link: Link;
  readonly #lanes: Lanes;
  readonly #fetchLanes: SoloLanes;
  readonly #pusher: Pusher;
  readonly #defaults: JobDefaults;
  readonly #keyed: KeyedPushes;
  readonly #encoding: Encoding;
  readonly #maxInFlight: number;
  readonly #checks = new Checks();
  #state: State = 'open';
  #enqueueErrors: MillraceError[] = [];
  #enqueueErrorCount = 0;

  /** Opens nothing yet: the first command does, or `connect()`. Throws ADDRESS_INVALID, CONFIG_INVALID. */
  constructor(options: ClientOptions<D> = {}) {
    const link = resolveLink(options);
    super({ url: 'tcp://unused.invalid:1', ...(options.wid === undefined ? {} : { wid: options.wid }) });
    this.#link = link;
    this.contract = options.contract;
    this.#defaults = {
      retry: options.jobDefaults?.retry ?? (isSet('JOB_RETRY') ? readSetting('JOB_RETRY') : 25),
      reserveFor: options.jobDefaults?.reserveFor ?? readSetting('JOB_RESERVE_FOR'),
    };
    const log = new LinkLog(link.logger);
    const shared = {
      ...link,
      hello: helloOf(options.wid, options.labels),
      onFault: (error: MillraceError) => log.fault(error),
    };
    this.#lanes = new Lanes({
      ...shared,
      deadlineMs: COMMAND_DEADLINE_MS,
      onReady: () => {
        log.up(showAddress(link.address));
        this.#pusher.pump();
      },
    });
    this.#fetchLanes = new SoloLanes({ ...shared, deadlineMs: FETCH_DEADLINE_MS });
    const slowMs = options.slowMs ?? (readSetting('SLOW_MS') || Number.POSITIVE_INFINITY);
    const slow = new SlowLog(link.logger, slowMs);
    const onSlow = options.onSlow ?? ((ms: number) => slow.command('PUSHB', ms));
    const pushing = { ...pusherOptions(options), slowMs, onSlow };
    this.#maxInFlight = pushing.maxInFlight;
    this.#keyed = new KeyedPushes({
      rules: resolvePartitions(options.partitions),
      defaults: this.#defaults,
      look: lookThrough(this.#lanes, link.address, ACQUIRE_TIMEOUT_MS),
      logger: link.logger,
    });
    const { contract } = this;
    this.#encoding = new Encoding({ contract, defaults: this.#defaults, keyed: this.#keyed });
    this.#pusher = new Pusher(this.#lanes, pushing);
  }

  /** Opens a connection, and resolves when Faktory has welcomed it; rejects with what keeps it from coming up. */
  override async connect(): Promise<this> {
    this.#keyed.connect();
    await this.#lanes.acquire(ACQUIRE_TIMEOUT_MS);
    return this;
  }

  /** Whether Faktory can be reached just now. */
  get connected(): boolean {
    return this.#lanes.ready.length > 0;
  }

  /** Where Faktory is, as it may be shown. */
  get address(): string {
    return showAddress(this.#link.address);
  }

  /** Whether a push would be admitted at once; false from the limit until half of it has drained. */
  get hasRoom(): boolean {
    return this.#pusher.hasRoom && this.#pusher.inFlight + this.#checks.asking < this.#maxInFlight;
  }

  /** Jobs admitted and not yet stored. */
  get inFlight(): number {
    return this.#pusher.inFlight;
  }

  /** What was pushed, what is on its way, and the lanes: cheap, to be read when metrics are. */
  stats(): ClientStats {
    const { used, limit } = this.#link.budget;
    const pushing = this.#pusher.stats();
    const asking = pushing.asking + this.#checks.asking;
    return { ...pushing, asking, lanes: this.#lanes.counts, sockets: { used, limit } };
  }

  /** How Faktory's queues and sets fare, at most 15 s old. Rejects while Faktory cannot be reached. */
  queueReport(): Promise<QueueReport> {
    return askQueues(this.#link.address, this.#lanes);
  }

  override job(jobtype: string, ...args: unknown[]): Job {
    const job = super.job(jobtype, ...args);
    job.retry = this.#defaults.retry;
    return job;
  }

  /**
   * Pushes a job; resolves to its jid when Faktory has it. At the limit it waits for room. Rejects with
   * JOB_INVALID, PAYLOAD_INVALID (it does not fit the contract), JOB_REJECTED, FAKTORY_UNREACHABLE (not stored),
   * DELIVERY_UNKNOWN (stored or not), CLOSED. One with a partition key, too: REDIS_UNAVAILABLE, PARTITION_NUMBERS_LOST,
   * PARTITION_LAYOUT (not stored).
   */
  override push(job: Pushable, options?: ClientPushOptions): Promise<string>;
  /** The same by jobtype and args, typed by the contract. */
  override push<T extends keyof D & string>(jobtype: T, ...args: ArgsIn<D[T]>): Promise<string>;
  override async push(first: Pushable | string, ...rest: unknown[]): Promise<string> {
    this.#assertOpen();
    if (typeof first === 'string') return this.#admit({ jobtype: first, args: rest });
    return this.#admit(first, rest[0] as ClientPushOptions | undefined);
  }

  /** Resolves to the jid when it is stored. Nothing is put off, unless the contract's schema is asynchronous. */
  async #admit(job: Pushable, options?: ClientPushOptions): Promise<string> {
    const encoded = this.#encode(job, options?.partitionKey);
    if (!(encoded instanceof Promise)) return this.#pusher.admit(encoded, options);
    return this.#checks.run(encoded, (checked) => this.#pusher.admit(checked, options));
  }

  /** `push` without a promise, for those who have very many: `caller` is told. Throws JOB_INVALID, PAYLOAD_INVALID, CLOSED. */
  pushFor(caller: PushCaller, job: Pushable): void {
    this.#assertOpen();
    const encoded = this.#encode(job);
    if (!(encoded instanceof Promise)) return this.#pusher.admitFor(caller, encoded);
    this.#checks
      .run(encoded, (checked) => this.#pusher.admit(checked, {}, () => caller.onAdmitted?.()))
      .then(
        (jid) => caller.onStored(jid),
        (error) => caller.onFailed(error),
      );
  }

  /**
   * Pushes many; resolves to those that were refused, by jid, each with its reason. Rejects with an
   * AggregateError when the fate of some is not known or Faktory is away.
   */
  override async pushBulk(jobs: readonly Pushable[]): Promise<Rejected> {
    this.#assertOpen();
    const rejected: Rejected = {};
    const failures: MillraceError[] = [];
    const withJids = jobs.map((job): JobToPush => {
      const payload = payloadOf(job);
      const partitionKey = (job as JobToPush).partitionKey;
      return { ...payload, partitionKey, jid: payload.jid ?? newJid() };
    });
    for await (const { job, error } of this.pushAll(withJids)) {
      if (error === undefined) continue;
      const refused = isMillraceError(error, 'JOB_INVALID', 'PAYLOAD_INVALID', 'JOB_REJECTED');
      if (refused)
        rejected[String(job.jid)] = { reason: error.message, payload: job as Rejected[string]['payload'] };
      else failures.push(error);
    }
    if (failures.length > 0)
      throw new AggregateError(
        failures,
        `${failures.length} of ${jobs.length} jobs: ${failures[0]!.message}`,
      );
    return rejected;
  }

  /**
   * Admits a job and goes on: resolves to its jid as soon as there is room, not when it is stored. What could not
   * be stored is told by the next `flush()`. Rejects with JOB_INVALID, PAYLOAD_INVALID and CLOSED.
   */
  async enqueue(job: Pushable): Promise<string> {
    this.#assertOpen();
    const encoded = this.#encode(job);
    return encoded instanceof Promise
      ? this.#checks.run(encoded, (checked) => this.#admitOnly(checked))
      : this.#admitOnly(encoded);
  }

  /** Resolves to the jid when it is admitted; keeps what becomes of it for `flush`. */
  #admitOnly(encoded: PushedJob): Promise<string> {
    return new Promise((resolve) => {
      const caller: PushCaller = {
        onAdmitted: () => resolve(encoded.jid),
        onStored: () => {},
        onFailed: (error) => {
          this.#enqueueErrorCount += 1;
          if (this.#enqueueErrors.length < MAX_KEPT_ERRORS) this.#enqueueErrors.push(error);
        },
      };
      this.#pusher.admitFor(caller, encoded);
    });
  }

  /**
   * Resolves (to `OK`) when all that was pushed or enqueued by now is stored, whatever others push meanwhile;
   * rejects with an AggregateError of the enqueued jobs that were not (the first 1,000 of them). It does not send
   * FLUSH, which wipes Faktory: for that, say `client.send(['FLUSH'])`.
   */
  override async flush(): Promise<string> {
    await this.#checks.settled();
    await this.#pusher.settled();
    const errors = this.#enqueueErrors;
    const count = this.#enqueueErrorCount;
    this.#enqueueErrors = [];
    this.#enqueueErrorCount = 0;
    if (count > 0)
      throw new AggregateError(errors, `${count} enqueued jobs were not stored: ${errors[0]!.message}`);
    return 'OK';
  }

  /**
   * Pushes what an iterable, or async iterable, yields, and yields what became of each, in the same order. Takes
   * no more from it than the limit in flight allows. When the client is closed meanwhile, or the iterable
   * throws, it throws CLOSED, or that error, after the outcomes of what it has taken.
   */
  async *pushAll<J extends Pushable>(jobs: Iterable<J> | AsyncIterable<J>): AsyncGenerator<PushOutcome<J>> {
    this.#assertOpen();
    yield* pushAll(jobs, {
      most: this.#maxInFlight,
      push: (caller, job) => this.pushFor(caller, job),
      whyEnded: () => (this.#state === 'open' ? undefined : closed()),
    });
  }

  /**
   * Pushes many items as few jobs of one jobtype, `size` of them in each (its first arg), and resolves to their jids; takes
   * no more from the iterable than there is room for. `worker.registerChunked` takes them. When some are not stored it goes
   * on with the others, and rejects in the end with an AggregateError of a ChunkError for each, which tells the items.
   */
  async pushChunked<T extends keyof D & string>(
    jobtype: T,
    items: Iterable<ItemIn<ArgsIn<D[T]>>> | AsyncIterable<ItemIn<ArgsIn<D[T]>>>,
    options: ChunkOptions,
  ): Promise<string[]> {
    this.#assertOpen();
    return pushChunked(this, jobtype, items, options);
  }

  /**
   * Sends a command, in pieces (`['QUEUE', 'PAUSE', 'default']`), and resolves to its reply's text. A FETCH and a
   * MUTATE get a socket of their own: Faktory may take two and five seconds over them, and pushes would wait behind. Rejects with COMMAND_REFUSED (by Faktory, or before it is
   * sent what would harm it or the connection: PUSH, END, HELLO, bare commands), CONNECTION_LOST,
   * FAKTORY_UNREACHABLE.
   */
  override async send(command: readonly unknown[]): Promise<string> {
    this.#assertOpen();
    const words = command.map(String);
    const line = rawCommand(words);
    const why = whyForbidden(line);
    if (why !== undefined) throw new MillraceError('COMMAND_REFUSED', why);
    if (/^(?:FETCH|MUTATE)\b/.test(line)) {
      return (await this.#fetchLanes.use(ACQUIRE_TIMEOUT_MS, (lane) => request(lane, line))) as string;
    }
    const lane = await this.#lanes.acquire(ACQUIRE_TIMEOUT_MS);
    return (await request(lane, line)) as string;
  }

  override async sendWithAssert(command: readonly unknown[], assertion: string): Promise<string> {
    const reply = await this.send(command);
    if (reply !== assertion) {
      throw new MillraceError(
        'COMMAND_REFUSED',
        `Faktory answered ${String(command[0])} with ${reply}, not ${assertion}`,
      );
    }
    return reply;
  }

  /** Milliseconds until Faktory answers a command that costs it next to nothing. */
  async ping(): Promise<number> {
    const start = performance.now();
    await this.send(['QUEUE', 'LATENCY', 'default']);
    return performance.now() - start;
  }

  /** Takes nothing more, sends what was accepted, then ends the connections. Safe to call again. */
  override async close(): Promise<void> {
    if (this.#state === 'open') this.#state = 'closing';
    await this.#checks.settled();
    await this.#pusher.idle();
    await this.#keyed.close();
    await Promise.all([this.#lanes.close(), this.#fetchLanes.close()]);
    this.#state = 'closed';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #encode(job: Pushable, key?: string): PushedJob | Promise<PushedJob> {
    try {
      return this.#encoding.encode(job, key);
    } catch (thrown) {
      throw checkError(thrown);
    }
  }

  #assertOpen(): void {
    if (this.#state !== 'open') throw closed();
  }
}

function closed(): MillraceError {
  return new MillraceError('CLOSED', 'the client was closed and takes nothing more');
}
