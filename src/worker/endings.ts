import type { Breakers } from './breakers.ts';
import type { FailedJobs } from './failed-jobs.ts';
import type { GivingBack } from './giving-back.ts';
import type { HeldJob } from './held-job.ts';
import type { JobTallies } from './job-tally.ts';
import type { Late } from './late.ts';
import { ackWorthwhile, leaseLives, type Moment } from './lease.ts';
import type { Outbox } from './outbox.ts';
import { isPoison } from './poison.ts';
import type { Parcel, Results } from './results/results.ts';

export interface EndingsOptions {
  outbox: Pick<Outbox, 'ack'>;
  late: Late;
  givingBack: GivingBack;
  failedJobs: FailedJobs;
  results: Results;
  breakers: Breakers;
  tallies: JobTallies;
}

/** What the end of a handler means for a job that ran: which report it gets, or none. */
export class Endings {
  readonly #options: EndingsOptions;

  constructor(options: EndingsOptions) {
    this.#options = options;
  }

  /** Its handler has ended well. */
  done(held: HeldJob, now: Moment, result?: unknown): void {
    if (held.state !== 'running') return;
    const { results, tallies, breakers, late, outbox } = this.#options;
    let parcel: Parcel | undefined;
    try {
      parcel = results.wrap(held.job.jobtype, result);
    } catch (error) {
      return this.thrown(held, error, now);
    }
    tallies.of(held.job.jobtype).outcomes.done += 1;
    breakers.record(held.job, true, now.steady, held.startedAt);
    if (!ackWorthwhile(held.lease, now)) late.settle(held);
    else if (parcel === undefined) outbox.ack(held);
    else results.add(held, parcel, now.steady);
  }

  /** It has thrown. */
  thrown(held: HeldJob, thrown: unknown, now: Moment): void {
    if (held.state !== 'running') return;
    const { late, givingBack } = this.#options;
    if (!leaseLives(held.lease, now)) late.settle(held);
    // A handler that ends because it was told to has not failed: no retry is burnt.
    else if (held.aborted) void givingBack.give(held);
    else this.failed(held, thrown, now);
  }

  /** It has failed, while its lease lives. */
  failed(held: HeldJob, thrown: unknown, now: Moment): void {
    const { breakers, failedJobs } = this.#options;
    if (!isPoison(thrown)) breakers.record(held.job, false, now.steady, held.startedAt);
    if (held.keeper === undefined) failedJobs.add(held, thrown);
    else held.keeper.onFailed(held, thrown);
  }
}
