/** Jobs with a partition key: to the queue of their partition, with a number of it where numbers are kept. */
import { MillraceError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { type Coordinators, openCoordinators, type PartitionRules } from '../partitions/open.ts';
import type { Position } from '../partitions/stamp.ts';
import type { JobDefaults, JobInput } from '../protocol/job.ts';
import type { Completion, PushedJob } from '../pushing/options.ts';
import { within } from '../within.ts';
import { type KeyedJob, keyedJob } from './keyed-job.ts';
import { Numbering } from './numbering.ts';
import type { QueueLook } from './queue-look.ts';

export interface KeyedPushesOptions {
  rules: PartitionRules;
  defaults: JobDefaults;
  look: QueueLook;
  logger: Logger;
}

/** The longest that `close` waits for void numbers to be told. */
const TELL_LIMIT_MS = 2_000;

export class KeyedPushes {
  readonly #options: KeyedPushesOptions;
  readonly #coordinators: Coordinators | undefined;
  readonly #numberings = new Map<string, Numbering>();

  /** Opens nothing yet. */
  constructor(options: KeyedPushesOptions) {
    this.#options = options;
    this.#coordinators = openCoordinators(options.rules, options.logger);
  }

  /** Opens what it needs now rather than at the first keyed push. */
  connect(): void {
    this.#coordinators?.connect();
  }

  /** The job, checked and encoded but for its number. Throws JOB_INVALID. */
  encode(job: JobInput, key: unknown): PushedJob {
    const { rules, defaults } = this.#options;
    if (rules.count === 0) throw notSplit(job);
    const keyed = keyedJob(job, key, rules.count, defaults);
    const { jid, queue, bytes } = keyed;
    // Without numbers jobs are in the order in which Faktory gets them.
    if (this.#coordinators === undefined) return { jid, queue, bytes, json: keyed.json(undefined) };
    return { jid, queue, bytes, json: '', completion: new Stamping(keyed, this.#numberingOf(queue)) };
  }

  /** When nothing is on its way any more. Numbers that are void are told first, if Redis is there. */
  async close(): Promise<void> {
    const coordinators = this.#coordinators;
    if (coordinators === undefined) return;
    const told = [...this.#numberings].map(([queue, numbering]) => {
      numbering.tellVoids();
      return coordinators.of(queue).told();
    });
    await within(Promise.all(told), TELL_LIMIT_MS);
    coordinators.close();
  }

  #numberingOf(queue: string): Numbering {
    const known = this.#numberings.get(queue);
    if (known !== undefined) return known;
    const { look, logger } = this.#options;
    const coordinator = this.#coordinators!.of(queue);
    const made = new Numbering({ coordinator, look, logger });
    this.#numberings.set(queue, made);
    return made;
  }
}

/** Gives one job its number once it is admitted. */
class Stamping implements Completion {
  readonly #job: KeyedJob;
  readonly #numbering: Numbering;
  #position: Position | undefined;

  constructor(job: KeyedJob, numbering: Numbering) {
    this.#job = job;
    this.#numbering = numbering;
  }

  complete(onReady: (json: string) => void, onFailed: (error: MillraceError) => void): void {
    const { jid, partition, isNumbered } = this.#job;
    this.#numbering.add({
      partition,
      isNumbered,
      onNumber: (position) => {
        this.#position = position;
        onReady(this.#job.json(position));
      },
      onFailed: (cause) =>
        onFailed(new MillraceError(cause.code, `job ${jid} was not stored: ${cause.message}`, { cause })),
    });
  }

  onVoid(): void {
    if (this.#position !== undefined) this.#numbering.declareVoid(this.#job.partition, this.#position);
  }
}

function notSplit({ jobtype }: JobInput): MillraceError {
  return new MillraceError(
    'JOB_INVALID',
    `job ${JSON.stringify(jobtype)} has a partition key, but PARTITIONS is 0, so no queue is split: set it, to the same number ` +
      'for all pushers and workers, or push without a key',
  );
}
