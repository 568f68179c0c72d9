/** How much one bulk may hold, so that many at once stay within what one may; pure. */

export interface Share {
  /** Jobs taken whose outcome is not written, and their bytes: at least one job, whatever its length. */
  readonly jobs: number;
  readonly bytes: number;
  /** Of the answer that its client has not read. */
  readonly answerBytes: number;
}

/** More on their way make nothing faster: at 25,000 jobs/s this is 160 ms of them. */
const MOST_JOBS = 4_096;
const JOB_BYTES = 16 * 1024 * 1024;
/** For a client that reads when it has sent everything: some 130,000 outcomes. */
const MOST_ANSWER_BYTES = 8 * 1024 * 1024;
const ALL_ANSWERS_BYTES = 64 * 1024 * 1024;
const LEAST_ANSWER_BYTES = 64 * 1024;

export interface Sharers {
  /** Bulks, this one among them, whose jobs are on their way. */
  readonly pushing: number;
  /** Bulks, this one among them, whose clients have something to read. */
  readonly unread: number;
  readonly maxInFlight: number;
}

export function shareOf({ pushing, unread, maxInFlight }: Sharers): Share {
  return {
    jobs: Math.max(1, Math.min(MOST_JOBS, Math.floor(mostJobs(maxInFlight) / pushing))),
    bytes: Math.floor(JOB_BYTES / pushing),
    answerBytes: Math.max(
      LEAST_ANSWER_BYTES,
      Math.min(MOST_ANSWER_BYTES, Math.floor(ALL_ANSWERS_BYTES / unread)),
    ),
  };
}

/** Whether all bulks together have as much on their way as they may: shares shrink late, what was taken stays. */
export function isFull(all: { readonly jobs: number; readonly bytes: number }, maxInFlight: number): boolean {
  return all.jobs >= mostJobs(maxInFlight) || all.bytes >= JOB_BYTES;
}

/** Bulks leave half of PUSH_MAX_IN_FLIGHT to others: a job by itself does not wait, it would be refused. */
function mostJobs(maxInFlight: number): number {
  return maxInFlight / 2;
}
