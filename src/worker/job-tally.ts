import { Histogram } from '../tally.ts';

/** Seconds that handlers take. */
const SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 1_800];

/** Jobs that a batch handler's call gets. */
const BATCH_JOBS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000];

/** How the jobs of a jobtype have ended, since the start. */
export const OUTCOMES = ['done', 'failed', 'delayed', 'dead', 'discarded', 'handed_back', 'late'] as const;
export type JobOutcome = (typeof OUTCOMES)[number];

/** What is counted of one jobtype. */
export class JobTally {
  readonly outcomes: Record<JobOutcome, number> = {
    done: 0,
    failed: 0,
    delayed: 0,
    dead: 0,
    discarded: 0,
    handed_back: 0,
    late: 0,
  };
  readonly seconds = new Histogram(SECONDS);
  slow = 0;
  /** Of batch handlers: how many jobs their calls got. */
  batchJobs: Histogram | undefined;
}

/** The name under which jobs without a handler are counted: their jobtypes may be any, and any number. */
export const UNREGISTERED = '(unregistered)';

/** By jobtype; those that have no handler together. */
export class JobTallies {
  readonly #byJobtype = new Map<string, JobTally>();
  readonly #unregistered = new JobTally();

  add(jobtype: string): void {
    if (!this.#byJobtype.has(jobtype)) this.#byJobtype.set(jobtype, new JobTally());
  }

  /** It has a batch handler. */
  addBatch(jobtype: string): void {
    this.add(jobtype);
    this.#byJobtype.get(jobtype)!.batchJobs ??= new Histogram(BATCH_JOBS);
  }

  of(jobtype: string): JobTally {
    return this.#byJobtype.get(jobtype) ?? this.#unregistered;
  }

  *[Symbol.iterator](): IterableIterator<[string, JobTally]> {
    yield* this.#byJobtype;
    yield [UNREGISTERED, this.#unregistered];
  }

  /** Of all jobtypes. */
  sum(outcome: JobOutcome): number {
    let sum = 0;
    for (const [, tally] of this) sum += tally.outcomes[outcome];
    return sum;
  }
}
