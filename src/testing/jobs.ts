import type { EmbeddedFaktory, JobState } from '../embedded/index.ts';
import type { JobPayload } from '../protocol/job.ts';
import { isWakeQueue } from '../protocol/wake-queue.ts';

/** Which jobs are meant; what is left out matches all. */
export interface JobFilter {
  jobtype?: string;
  queue?: string;
  /** Where it is: waiting in its queue, reserved by a worker, or in one of the sets. */
  state?: JobState;
}

/** Copies of the jobs that match, as a worker would get them, in the order of `EmbeddedFaktory.jobs`; no tokens. */
export function selectJobs(faktory: EmbeddedFaktory, { jobtype, queue, state }: JobFilter): JobPayload[] {
  const jobs: JobPayload[] = [];
  for (const { state: found, job } of faktory.jobs()) {
    if (isWakeQueue(job.queue)) continue;
    if (state !== undefined && found !== state) continue;
    if (queue !== undefined && job.queue !== queue) continue;
    const payload = JSON.parse(job.text) as JobPayload;
    if (jobtype === undefined || payload.jobtype === jobtype) jobs.push(payload);
  }
  return jobs;
}
