/**
 * The copy that brings a job to Dead which has used up its tries in a partition; pure. Its history says that the next
 * FAIL is the last, by Faktory's own count, so that needs no MUTATE. It has no place in the order: the number of the job
 * is done, and whoever meets the copy FAILs it at once. Requeued from Dead it is a job like any other.
 */
import { withoutPlace } from '../../partitions/stamp.ts';
import type { Failure } from '../../protocol/commands.ts';
import type { EncodedJob, JobPayload } from '../../protocol/job.ts';
import { copyOf } from '../hand-back.ts';
import { lastFailure } from '../retry.ts';

/** Of a job that has retries left, as Faktory has it. */
export function spentCopyOf(job: JobPayload, failure: Failure, now: Date): EncodedJob {
  const last = lastFailure(job, failure, now);
  const custom = withoutPlace(job.custom ?? {});
  const millrace = { ...(custom.millrace as object | undefined), spent: last.retry_count };
  return copyOf({ ...job, custom: { ...custom, millrace } }, { failure: last });
}

/** Whether it is such a copy. Its FAIL raises the count: once it was in Dead it is none any more. */
export function isSpent({ custom, failure }: JobPayload): boolean {
  const { spent } = (custom?.millrace ?? {}) as { spent?: unknown };
  return spent !== undefined && spent === failure?.retry_count;
}

/** What it failed with before it became the copy. */
export function failureOfSpent({ jid, failure }: JobPayload): Failure {
  const { errtype = '', message = '', backtrace = [] } = failure ?? {};
  return { jid, errtype, message, backtrace };
}
