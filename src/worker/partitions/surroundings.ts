import type { Logger } from '../../logger.ts';
import type { JobFailure, JobPayload } from '../../protocol/job.ts';
import type { FailedJobs } from '../failed-jobs.ts';
import type { GivingBack } from '../giving-back.ts';
import type { HeldJob } from '../held-job.ts';
import { nowOnBothClocks } from '../lease.ts';
import type { FailEnd, Outbox } from '../outbox.ts';
import type { RetryPolicy } from '../retry.ts';
import type { Slots } from '../slots.ts';
import type { Pulse } from './pulse.ts';

/** What a partition asks of the way of jobs around it. */
export interface WayOfJobs {
  /** Its turn has come: it takes a slot, or waits for one. */
  toSlot(held: HeldJob): void;
  ack(held: HeldJob): void;
  /** As a copy; with `failure`, what failed meanwhile. Its keeper hears of it. */
  giveBack(held: HeldJob, reason?: string, failure?: JobFailure): void;
  /** It has failed, and is tried again here. */
  onFailed(job: JobPayload, thrown: unknown): void;
  /** To Dead; `onEnd` is called once Faktory has it there, or has at least its FAIL. */
  exhaust(held: HeldJob, thrown: unknown, onEnd: (end: FailEnd) => void): void;
}

/** And of the worker. */
export interface Surroundings extends WayOfJobs {
  readonly logger: Logger;
  readonly pulse: Pulse;
  /** Whether the numbers of the partition in this queue of Faktory's have begun by now: its `begin` is told. */
  askEpochs(name: string): void;
  policyOf(jobtype: string): RetryPolicy | undefined;
  roundTripMs(): number;
  /** There may be room to fetch more of it, or nothing is held any more. */
  onRoom(): void;
}

interface Parts {
  slots: Slots;
  outbox: Outbox;
  givingBack: GivingBack;
  failedJobs: FailedJobs;
  /** Whether jobs are handed back by now instead of started. */
  isReturning(): boolean;
}

export function wayOfJobs({ slots, outbox, givingBack, failedJobs, isReturning }: Parts): WayOfJobs {
  return {
    toSlot: (held) => {
      if (isReturning()) void givingBack.give(held);
      else slots.add(held, nowOnBothClocks());
    },
    ack: (held) => outbox.ack(held),
    giveBack: (held, reason, failure) => void givingBack.give(held, reason, failure),
    onFailed: (job, thrown) => failedJobs.tell(job, thrown),
    exhaust: (held, thrown, onEnd) => failedJobs.exhaust(held, thrown, onEnd),
  };
}

/** A job of a partition is ACKed by its keeper, which stores a checkpoint first. */
export function ackOrTell(outbox: Outbox): (held: HeldJob) => void {
  return (held) => {
    if (held.keeper === undefined) outbox.ack(held);
    else held.keeper.onDone(held);
  };
}
