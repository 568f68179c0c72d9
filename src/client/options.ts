import type { Job } from 'faktory-worker';
import { readSetting } from '../config.ts';
import type { ConnectOptions } from '../connection/options.ts';
import type { AnyJobs, Contract, JobDefinitions } from '../contract/contract.ts';
import type { PartitionsOptions } from '../partitions/open.ts';
import type { JobDefaults, JobInput } from '../protocol/job.ts';
import type { PusherOptions, PushOptions } from '../pushing/pusher.ts';

/** A plain job, as it is pushed. */
export interface JobToPush extends JobInput {
  /**
   * Jobs of the same key run one after another, in the order of their pushes (PARTITIONS): 1 to 512 characters, such as a
   * phone number. Default: what `partitionBy` of the contract says, if anything.
   */
  partitionKey?: string | undefined;
}

/** A job as pushed: plain, or built by `client.job(…)`. */
export type Pushable = Job | JobToPush;

/** How one job is pushed. */
export interface ClientPushOptions extends PushOptions {
  /** As the field of the job, for one built by `client.job(…)`; it wins over that. */
  partitionKey?: string | undefined;
}

export interface ClientOptions<D extends JobDefinitions = AnyJobs>
  extends ConnectOptions,
    Partial<PusherOptions> {
  /** What jobs there are (`defineJobs`): any other, and any payload that does not fit, is refused before it is sent. */
  contract?: Contract<D> | undefined;
  /** Makes this client a worker's: Faktory wants it for BEAT. */
  wid?: string;
  /** For jobs that say nothing: retries (default JOB_RETRY where set, else 25) and seconds (JOB_RESERVE_FOR, 1800). */
  jobDefaults?: Partial<JobDefaults>;
  /** How queues are split by the keys of their jobs (default PARTITIONS, REDIS_URL and so on). */
  partitions?: PartitionsOptions;
}

export function payloadOf(job: Pushable): JobInput {
  // By its method, not its class: there may be two copies of faktory-worker in a program.
  return ('toJSON' in job ? job.toJSON() : job) as JobInput;
}

/** What a job itself says, whoever built it. */
export function partitionKeyOf(job: Pushable): unknown {
  return (job as JobToPush).partitionKey ?? undefined;
}

/** Fills in what the environment says. */
export function pusherOptions(
  options: Partial<PusherOptions>,
): Partial<PusherOptions> & Pick<PusherOptions, 'maxInFlight'> {
  const own = {
    deliveryTimeoutMs: options.deliveryTimeoutMs,
    maxLosses: options.maxLosses,
    maxLanes: options.maxLanes,
  };
  return {
    maxSize: options.maxSize ?? readSetting('BATCH_MAX_SIZE'),
    maxDelayMs: options.maxDelayMs ?? readSetting('BATCH_MAX_DELAY_MS'),
    gather: options.gather ?? readSetting('BATCH_AUTO_ENABLED'),
    maxInFlight: options.maxInFlight ?? readSetting('PUSH_MAX_IN_FLIGHT'),
    maxInFlightBytes: options.maxInFlightBytes ?? readSetting('PUSH_MAX_IN_FLIGHT_BYTES'),
    ...Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined)),
  };
}
