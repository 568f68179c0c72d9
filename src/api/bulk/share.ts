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

/** Bulks leave half of PUSH_MAX_IN_FLIGHT to others: a job by itself does not wait, it would be refused. */
export function shareOf(running: number, maxInFlight: number): Share {
  const each = (all: number): number => Math.floor(all / Math.max(1, running));
  return {
    jobs: Math.max(1, Math.min(MOST_JOBS, each(maxInFlight / 2))),
    bytes: each(JOB_BYTES),
    answerBytes: Math.max(LEAST_ANSWER_BYTES, Math.min(MOST_ANSWER_BYTES, each(ALL_ANSWERS_BYTES))),
  };
}
