/** What the options of a jobtype mean for jobs of a partition, where that is not what one would think; pure. */
import type { HandlerOptions } from '../handler-options.ts';
import type { JobTally } from '../job-tally.ts';

export function oddInPartition(
  { concurrency, rate, reduceTo }: HandlerOptions = {},
  { batchJobs }: Pick<JobTally, 'batchJobs'>,
): string | undefined {
  if (batchJobs !== undefined)
    return 'the jobs of a batch handler come from a partition: it gets them one by one, since each has its turn';
  if (concurrency !== undefined || rate !== undefined)
    return 'a jobtype with a limit comes from a partition: while a job waits for the limit, its whole partition does';
  if (reduceTo !== undefined)
    return 'a jobtype with reduceTo comes from a partition: the next job there waits until its result is stored';
  return undefined;
}
