import type { Logger } from '../logger.ts';
import { fieldsOf } from './failed-jobs.ts';
import type { HeldJob } from './held-job.ts';
import type { JobTallies } from './job-tally.ts';

/** Counts and tells jobs whose reservation ran out before Faktory had their report: it gives them out again. */
export class Late {
  readonly #tallies: JobTallies;
  readonly #logger: Logger;

  constructor(tallies: JobTallies, logger: Logger) {
    this.#tallies = tallies;
    this.#logger = logger;
  }

  tell({ job }: HeldJob, why: string): void {
    this.#tallies.of(job.jobtype).outcomes.late += 1;
    const text = `the reservation of a job ran out: ${why}; Faktory gives it out again`;
    this.#logger.warn(fieldsOf(job), text);
  }

  /** Nothing is owed for it any more. */
  settle(held: HeldJob): void {
    held.moveTo('settled');
    // One that was aborted for it has been counted then.
    if (!held.aborted) this.tell(held, 'its outcome came too late');
  }
}
