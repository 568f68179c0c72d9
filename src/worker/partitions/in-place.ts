/** When a job that failed in a partition is tried again, without leaving its place; pure. */
import type { JobPayload } from '../../protocol/job.ts';
import { isPoison } from '../poison.ts';
import { attemptOf, endOf, outcomeOf, type RetryPolicy } from '../retry.ts';

const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;

/** `again`: after so long, the partition waits. `exhausted`: its retries are used up, or no retry can mend it. */
export type InPlace = { readonly is: 'again'; readonly afterMs: number } | { readonly is: 'exhausted' };

/**
 * As many tries as the job's `retry` says; the policy of its jobtype says when, otherwise it is 1 s after the first
 * failure, and twice as long after each, 30 s at most. Throws what the policy throws.
 */
export function inPlace(job: JobPayload, thrown: unknown, policy?: RetryPolicy): InPlace {
  if (isPoison(thrown) || endOf(job) !== undefined) return { is: 'exhausted' };
  const outcome = outcomeOf(job, thrown, policy);
  if (outcome.kind === 'kill') return { is: 'exhausted' };
  return { is: 'again', afterMs: outcome.kind === 'delay' ? outcome.delayMs : backoffOf(job) };
}

export function backoffOf(job: JobPayload): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(10, attemptOf(job) - 1));
}
