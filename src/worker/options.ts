import { randomBytes } from 'node:crypto';
import { readSetting } from '../config.ts';
import { type ConnectOptions, type Link, resolveLink } from '../connection/options.ts';
import type { AnyJobs, Contract, JobDefinitions } from '../contract/contract.ts';
import { MillraceError } from '../errors.ts';
import type { JobPayload } from '../protocol/job.ts';
import { type BreakerOptions, checkBreaker } from './breaker.ts';
import type { Handler } from './executor.ts';
import type { Middleware } from './middleware.ts';
import {
  type PartitionRulesOfWorker,
  resolveWorkerPartitions,
  type WorkerPartitionsOptions,
} from './partitions/options.ts';
import type { Queues } from './queues.ts';
import type { GatherRules } from './results/gathering.ts';

export interface WorkerOptions<D extends JobDefinitions = AnyJobs> extends ConnectOptions {
  /**
   * What jobs there are (`defineJobs`): handlers get the args as its schema gives them back, and a payload that does
   * not fit fails.
   */
  contract?: Contract<D> | undefined;
  /** The worker's id at Faktory (default: 8 random characters). */
  wid?: string;
  /** Handlers that run at once (default 20, as faktory-worker; `millrace worker`: WORKER_CONCURRENCY, 500). */
  concurrency?: number;
  /** Queues in strict order, with weights, or a function asked at each FETCH (default `['default']`). */
  queues?: Queues;
  /**
   * Splits each queue by the keys of its jobs, `orders.0` and so on, beside the queue itself: jobs of one key run one after
   * another, in the order in which they were pushed (default: by PARTITIONS and its like; none).
   */
  partitions?: WorkerPartitionsOptions;
  /**
   * Jobs fetched ahead of free slots: `'auto'` (default) as many as the way to Faktory needs, a number, or 0: a slot is a
   * fetch loop.
   */
  prefetch?: number | 'auto';
  /** How long running jobs may go on at `stop()`, in ms (default 8,000); then their signals abort. */
  shutdownTimeoutMs?: number;
  /** The same in seconds, as faktory-worker names it. */
  timeout?: number;
  /** Seconds between beats at least (default 15). */
  beatInterval?: number;
  /** Circuit breakers by queue: a queue whose jobs keep failing is not fetched for a while. */
  breakers?: Readonly<Record<string, BreakerOptions>>;
  /** Handlers and commands that take longer are warned of and counted, in ms; 0: none (default SLOW_MS, 1,000). */
  slowMs?: number;
  /**
   * How results are gathered for reducers (`reduceTo`): so many in one job at most, and how long a result waits for others,
   * in ms (default RESULT_MAX_SIZE, 100, and RESULT_MAX_DELAY_MS, 50).
   */
  results?: Partial<GatherRules>;
  /**
   * Handlers that may run on, long after they lost their slot, before the worker stops itself (default: as many as
   * slots): they hold what the others need, and only the end of the process frees it.
   */
  maxZombies?: number;
  /** How long after they lost it, in ms (default 10,000). */
  zombieAfterMs?: number;
  /** Hears of every job that goes to Dead by a failure here; as the event `dead`. */
  onDead?: (dead: { job: JobPayload; error: unknown }) => void;
  /** Handlers by jobtype, as with `register`. */
  registry?: Record<string, Handler>;
  middleware?: Middleware[];
  /** Whether SIGTERM and SIGINT stop the worker and SIGTSTP quiets it (default true, as faktory-worker). */
  trapSignals?: boolean;
}

export interface ResolvedOptions {
  readonly link: Link;
  readonly wid: string;
  readonly concurrency: number;
  /** undefined: auto. */
  readonly prefetch: number | undefined;
  readonly shutdownTimeoutMs: number;
  readonly beatIntervalMs: number;
  readonly queues: Queues | undefined;
  /** undefined: no queue is split. */
  readonly partitions: PartitionRulesOfWorker | undefined;
  readonly labels: string[];
  readonly lanes: LaneCounts;
  readonly trapSignals: boolean;
  readonly breakers: Readonly<Record<string, BreakerOptions>>;
  readonly slowMs: number;
  readonly results: GatherRules;
  readonly maxZombies: number;
  readonly zombieAfterMs: number;
}

/** Sockets at most, by purpose; one more is the control lane's. */
export interface LaneCounts {
  readonly fetch: number;
  readonly ack: number;
}

const MAX_FETCH_LANES = 8;
const MAX_ACK_LANES = 16;

/** Fills in the defaults; throws CONFIG_INVALID, ADDRESS_INVALID, JOB_INVALID (a queue's name). */
export function resolveOptions<D extends JobDefinitions>(options: WorkerOptions<D>): ResolvedOptions {
  const link = resolveLink(options);
  const {
    wid = randomBytes(4).toString('hex'),
    concurrency = 20,
    prefetch = 'auto',
    timeout,
    beatInterval = 15,
    breakers = {},
    maxZombies = concurrency,
  } = options;
  wantWhole('concurrency', concurrency, 1);
  if (prefetch !== 'auto') wantWhole('prefetch', prefetch, 0);
  wantWhole('maxZombies', maxZombies, 1);
  for (const [queue, breaker] of Object.entries(breakers)) checkBreaker(`queue "${queue}"`, breaker);
  if (!/^[\x21-\x7e]{1,128}$/.test(wid)) throw wrong('wid', wid, '1 to 128 printable characters');
  return {
    link,
    wid,
    concurrency,
    prefetch: prefetch === 'auto' ? undefined : prefetch,
    shutdownTimeoutMs: wantMs(
      'shutdownTimeoutMs',
      options.shutdownTimeoutMs ??
        (timeout === undefined ? readSetting('WORKER_SHUTDOWN_TIMEOUT_MS') : timeout * 1000),
    ),
    beatIntervalMs: wantMs('beatInterval', beatInterval * 1000),
    queues: options.queues,
    partitions: resolveWorkerPartitions(options.partitions, options.queues),
    labels: options.labels ?? [],
    lanes: laneCounts(link.budget.limit),
    trapSignals: options.trapSignals ?? true,
    breakers,
    slowMs: wantMs('slowMs', options.slowMs ?? readSetting('SLOW_MS')),
    results: resolveResults(options.results),
    maxZombies,
    zombieAfterMs: wantMs('zombieAfterMs', options.zombieAfterMs ?? 10_000),
  };
}

function resolveResults(options: Partial<GatherRules> = {}): GatherRules {
  const maxSize = options.maxSize ?? readSetting('RESULT_MAX_SIZE');
  wantWhole('results.maxSize', maxSize, 1, 10_000);
  const maxDelayMs = options.maxDelayMs ?? readSetting('RESULT_MAX_DELAY_MS');
  wantWhole('results.maxDelayMs', maxDelayMs, 0, 60_000);
  return { maxSize, maxDelayMs };
}

/**
 * A small FAKTORY_MAX_CONNECTIONS is shared out one to two, as FETCHes and ACKs cost Faktory. Throws CONFIG_INVALID
 * where it does not reach for one lane of each purpose.
 */
export function laneCounts(maxConnections: number): LaneCounts {
  if (maxConnections < 3) throw wrong('maxConnections', maxConnections, 'at least 3, one for each purpose');
  const left = maxConnections - 1;
  const fetch = Math.max(1, Math.min(MAX_FETCH_LANES, Math.floor(left / 3)));
  return { fetch, ack: Math.max(1, Math.min(MAX_ACK_LANES, left - fetch)) };
}

function wantWhole(name: string, value: number, least: number, most = Number.MAX_SAFE_INTEGER): void {
  const upTo = most === Number.MAX_SAFE_INTEGER ? '' : ` to ${most}`;
  if (!Number.isSafeInteger(value) || value < least || value > most)
    throw wrong(name, value, `a whole number from ${least}${upTo}`);
}

/** A timer's longest is 2³¹ − 1 ms; over it, Node's fire at once. */
function wantMs(name: string, ms: number): number {
  if (!(ms >= 0 && ms < 2 ** 31)) throw wrong(name, ms, 'a time from 0 to 24 days');
  return ms;
}

function wrong(name: string, value: unknown, takes: string): MillraceError {
  return new MillraceError(
    'CONFIG_INVALID',
    `${name} is ${typeof value === 'string' ? JSON.stringify(value) : String(value)}, it takes ${takes}`,
  );
}
