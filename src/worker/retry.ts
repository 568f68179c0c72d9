/**
 * What becomes of a job that failed; pure. Faktory's own rules (a first failure has retry_count 0, a job goes on
 * while retry_count < retry), and a policy of the user's.
 */
import { MillraceError } from '../errors.ts';
import type { Failure } from '../protocol/commands.ts';
import type { JobFailure, JobPayload } from '../protocol/job.ts';
import { isPoison } from './poison.ts';

/**
 * Says when a failed job is tried again: in so many ms, never (`'dead'`), or, by undefined, when Faktory's own schedule
 * says. `attempt` is 1 after the first failure. It is asked while the job has retries left; Faktory looks for jobs that
 * are due every 5 s.
 */
export type RetryPolicy = (attempt: number, error: unknown, job: JobPayload) => number | 'dead' | undefined;

/** `fail`: told to Faktory, which tries again or not. `kill`: Dead at once. `delay`: again after so long. */
export type Outcome = { kind: 'fail' } | { kind: 'kill' } | { kind: 'delay'; delayMs: number };

/** Faktory's default where a job has none. */
const DEFAULT_RETRY = 25;
/** What a Date can hold is more, and of no use. */
const MAX_DELAY_MS = 366 * 86_400_000;

/** Throws what the policy throws, or CONFIG_INVALID for an answer that is none. */
export function outcomeOf(job: JobPayload, thrown: unknown, policy?: RetryPolicy): Outcome {
  if (isPoison(thrown)) return { kind: 'kill' };
  if (policy === undefined || endOf(job) !== undefined) return { kind: 'fail' };
  const answer = policy(attemptOf(job), thrown, job);
  if (answer === undefined) return { kind: 'fail' };
  if (answer === 'dead') return { kind: 'kill' };
  // A policy decides at once; one that promises would reject where nobody hears it.
  if ((answer as unknown) instanceof Promise) (answer as unknown as Promise<unknown>).catch(() => {});
  if (typeof answer === 'number' && answer >= 0) {
    return { kind: 'delay', delayMs: Math.min(answer, MAX_DELAY_MS) };
  }
  throw new MillraceError(
    'CONFIG_INVALID',
    `the retry policy of "${job.jobtype}" answered ${String(answer)}, it takes ms from 0, 'dead' or undefined`,
  );
}

/** How often the job has failed, this time included. */
export function attemptOf(job: JobPayload): number {
  return job.failure === undefined ? 1 : job.failure.retry_count + 2;
}

/** What a FAIL now ends the job in: Dead, or nothing at all (retry 0); undefined while it has retries left. */
export function endOf(job: JobPayload): 'dead' | 'discarded' | undefined {
  const retry = job.retry ?? DEFAULT_RETRY;
  if (retry === 0) return 'discarded';
  return attemptOf(job) - 1 < retry ? undefined : 'dead';
}

/** The failure block as Faktory would fill it in for a retry. */
export function failureAfter(job: JobPayload, failure: Failure, now: Date): JobFailure {
  const { errtype, message, backtrace } = failure;
  const before = job.failure;
  return {
    failed_at: before?.failed_at ?? now.toISOString(),
    retry_count: attemptOf(job) - 1,
    remaining: before === undefined ? (job.retry ?? DEFAULT_RETRY) : Math.max(0, (before.remaining ?? 0) - 1),
    message,
    errtype,
    ...(backtrace.length === 0 ? {} : { backtrace }),
  };
}

/** The same for one that has retries left, and whose next FAIL is to be its last. */
export function lastFailure(job: JobPayload, failure: Failure, now: Date): JobFailure {
  return {
    ...failureAfter(job, failure, now),
    retry_count: (job.retry ?? DEFAULT_RETRY) - 1,
    remaining: 0,
  };
}

/** When Faktory would try the job again, in ms from now. */
export function faktoryDelayMs(job: JobPayload, random: number = Math.random()): number {
  const count = attemptOf(job) - 1;
  return (count ** 4 + 15 + Math.floor(random * 30) * (count + 1)) * 1_000;
}
