/** From what is pushed to what travels: the contract's word, the checks, the JSON, the partition. */
import type { Contract } from '../contract/contract.ts';
import { withoutPlace } from '../partitions/stamp.ts';
import { encodeJob, FieldError, type JobDefaults, type JobInput } from '../protocol/job.ts';
import { isWakeQueue } from '../protocol/wake-queue.ts';
import type { PushedJob } from '../pushing/options.ts';
import type { KeyedPushes } from './keyed-pushes.ts';
import { type Pushable, partitionKeyOf, payloadOf } from './options.ts';

export interface EncodingOptions {
  contract: Contract | undefined;
  defaults: JobDefaults;
  keyed: KeyedPushes;
}

export class Encoding {
  readonly #contract: Contract | undefined;
  readonly #defaults: JobDefaults;
  readonly #keyed: KeyedPushes;

  constructor({ contract, defaults, keyed }: EncodingOptions) {
    this.#contract = contract;
    this.#defaults = defaults;
    this.#keyed = keyed;
  }

  /**
   * Checked and encoded; a promise only where the contract's schema is asynchronous. Throws, or rejects with, JOB_INVALID
   * and PAYLOAD_INVALID.
   */
  encode(job: Pushable, givenKey?: string): PushedJob | Promise<PushedJob> {
    const payload = payloadOf(job);
    const key = givenKey ?? partitionKeyOf(job);
    const contract = this.#contract;
    if (contract === undefined) return this.#encoded(payload, key);
    const { jobtype, args = [] } = payload;
    // What is sent is what was given, not what the schema makes of it: the worker's parse must find the same input.
    const completed = contract.complete(payload);
    if (key === undefined && contract.isKeyed(jobtype)) return this.#encodedByContract(contract, completed);
    const encoded = this.#encoded(completed, key);
    const parsed = contract.parseArgs(jobtype, args);
    return parsed instanceof Promise ? parsed.then(() => encoded) : encoded;
  }

  #encoded(job: JobInput, key: unknown): PushedJob {
    refuseWakeQueue(job.queue);
    if (key !== undefined) return this.#keyed.encode(job, key);
    return encodeJob(job.custom === undefined ? job : withoutPlaceOf(job), this.#defaults);
  }

  /** `partitionBy` is asked only about args that fit. */
  #encodedByContract(contract: Contract, job: JobInput): PushedJob | Promise<PushedJob> {
    const { jobtype, args = [] } = job;
    const parsed = contract.parseArgs(jobtype, args);
    if (!(parsed instanceof Promise)) return this.#encoded(job, contract.partitionKeyOf(jobtype, args));
    // What the caller does to them meanwhile must not get past the check.
    const { json } = encodeJob(job, this.#defaults);
    const kept = { ...job, ...(JSON.parse(json) as Pick<JobInput, 'args' | 'custom' | 'jid'>) };
    return parsed.then(() => this.#encoded(kept, contract.partitionKeyOf(jobtype, kept.args ?? [])));
  }
}

/** A handler may push its own job again: the place in the order is not the new one's. */
function withoutPlaceOf(job: JobInput): JobInput {
  const { custom } = job;
  return custom ? { ...job, custom: withoutPlace(custom) } : job;
}

/** They stand first in every FETCH, and what any worker finds there it takes for its own token. */
function refuseWakeQueue(queue: string | undefined): void {
  if (typeof queue !== 'string' || !isWakeQueue(queue)) return;
  throw new FieldError(
    'queue',
    `is "${queue}", which workers use to call their FETCHes back: it takes another name`,
  );
}
