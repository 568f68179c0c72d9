import type { Logger } from '../../logger.ts';
import type { JobPayload } from '../../protocol/job.ts';
import type { ExhaustEnd } from '../exhausted.ts';
import type { FailedJobs } from '../failed-jobs.ts';
import type { GivingBack } from '../giving-back.ts';
import type { HeldJob } from '../held-job.ts';
import { nowOnBothClocks } from '../lease.ts';
import type { Outbox } from '../outbox.ts';
import type { RetryPolicy } from '../retry.ts';
import type { Slots } from '../slots.ts';
import type { Pulse } from './pulse.ts';

/** What a partition asks of the way of jobs around it. */
export interface WayOfJobs {
  /** Its turn has come: it takes a slot, or waits for one. */
  toSlot(held: HeldJob): void;
  ack(held: HeldJob): void;
  /** As a copy. Its keeper hears of it. */
  giveBack(held: HeldJob, reason?: string): void;
  /** It has failed, and is tried again here. */
  onFailed(job: JobPayload, thrown: unknown): void;
  /** FAIL, though it has tries left: Faktory's retry brings it back. */
  fail(held: HeldJob, thrown: unknown): void;
  /** To Dead. */
  exhaust(held: HeldJob, thrown: unknown, onEnd: (end: ExhaustEnd) => void): void;
}

/** And of the worker. */
export interface Surroundings extends WayOfJobs {
  readonly logger: Logger;
  readonly pulse: Pulse;
  /** Whether the numbers of the partition in this queue of Faktory's have begun by now: its `begin` is told. */
  askEpochs(name: string): void;
  policyOf(jobtype: string): RetryPolicy | undefined;
  roundTripMs(): number;
  /** Of the largest job of late. */
  largestBytes(): number;
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
    giveBack: (held, reason) => void givingBack.give(held, reason),
    onFailed: (job, thrown) => failedJobs.tell(job, thrown),
    fail: (held, thrown) => failedJobs.failQuietly(held, thrown),
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
