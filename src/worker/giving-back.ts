import { MillraceError } from '../errors.ts';
import type { FailedJobs } from './failed-jobs.ts';
import { canHandBack, copyOf } from './hand-back.ts';
import type { HeldJob } from './held-job.ts';
import type { JobTallies } from './job-tally.ts';
import type { Late } from './late.ts';
import { leaseLives, nowOnBothClocks } from './lease.ts';
import type { Returner } from './returner.ts';

export interface GivingBackOptions {
  returner: Returner;
  failedJobs: FailedJobs;
  tallies: JobTallies;
  late: Late;
}

/** Gives jobs back that this worker will not run to their end: as copies, so that no retry is burnt. */
export class GivingBack {
  readonly #options: GivingBackOptions;
  /** Jobs that were to be handed back and were not: Faktory gives them out again when their reservations end. */
  unreturned = 0;
  #doubtful = 0;

  constructor(options: GivingBackOptions) {
    this.#options = options;
  }

  /** Jobs whose copy may be stored or not: they may run twice. */
  get doubtful(): number {
    return this.#doubtful + this.#options.returner.pending;
  }

  /** Never rejects. One that there can be no copy of is FAILed. */
  async give(held: HeldJob, reason = 'the worker shut down before the job was done'): Promise<void> {
    held.keeper?.onGone(held);
    const { returner, failedJobs, tallies, late } = this.#options;
    if (!leaseLives(held.lease, nowOnBothClocks())) return late.settle(held);
    if (!canHandBack(held.job)) return failedJobs.failQuietly(held, new MillraceError('SHUTDOWN', reason));
    const end = await returner.return(held, () => copyOf(held.job));
    const { outcomes } = tallies.of(held.job.jobtype);
    if (end === 'returned') outcomes.handed_back += 1;
    else if (end === 'unknown') this.#doubtful += 1;
    else {
      held.moveTo('settled');
      if (leaseLives(held.lease, nowOnBothClocks())) this.unreturned += 1;
      else outcomes.late += 1;
    }
  }
}
