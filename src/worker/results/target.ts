/** Where the results of a jobtype go: the reducer's jobs. */
import { MillraceError } from '../../errors.ts';
import { checkJobtype, checkQueueName, type JobDefaults, type JobInput } from '../../protocol/job.ts';

/** The jobtype of the reducer; or with it where its jobs are pushed, and how they are treated. */
export type ReduceTo =
  | string
  | {
      jobtype: string;
      /** Default: what the contract says of it, else `default`. A queue of its own keeps results from waiting behind jobs. */
      queue?: string;
      /** Default: the contract's, else JOB_RETRY where it is set, else 25. */
      retry?: number;
      /** Seconds. Default: the contract's, else JOB_RESERVE_FOR (1,800). */
      reserveFor?: number;
    };

/** A reducer job without its results. */
export type Target = Required<Pick<JobInput, 'jobtype' | 'retry' | 'reserve_for'>> & {
  readonly queue: string;
};

/**
 * `complete` fills in what the contract says, and throws JOB_INVALID for a jobtype that it does not have. Throws
 * CONFIG_INVALID for what names no reducer, JOB_INVALID for names that Faktory does not take.
 */
export function targetOf(
  jobtype: string,
  reduceTo: ReduceTo,
  defaults: JobDefaults,
  complete: (job: JobInput) => JobInput = (job) => job,
): Target {
  const to = typeof reduceTo === 'string' ? { jobtype: reduceTo } : reduceTo;
  if (typeof to !== 'object' || to === null || typeof to.jobtype !== 'string')
    throw wrong(jobtype, '', reduceTo, 'the jobtype of a reducer, or { jobtype, queue }');
  const { queue, retry, reserveFor } = to;
  if (retry !== undefined && (!Number.isSafeInteger(retry) || retry < -1))
    throw wrong(jobtype, '.retry', retry, 'a whole number from -1');
  if (
    reserveFor !== undefined &&
    !(Number.isSafeInteger(reserveFor) && reserveFor >= 60 && reserveFor <= 86_400)
  )
    throw wrong(jobtype, '.reserveFor', reserveFor, 'whole seconds from 60 to 86400');
  const full = complete({
    jobtype: checkJobtype(to.jobtype),
    ...(queue === undefined ? {} : { queue }),
    ...(retry === undefined ? {} : { retry }),
    ...(reserveFor === undefined ? {} : { reserve_for: reserveFor }),
  });
  return {
    jobtype: full.jobtype,
    queue: checkQueueName(full.queue ?? 'default'),
    retry: full.retry ?? defaults.retry,
    reserve_for: full.reserve_for ?? defaults.reserveFor,
  };
}

function wrong(jobtype: string, field: string, got: unknown, takes: string): MillraceError {
  const shown = typeof got === 'object' ? JSON.stringify(got) : String(got);
  return new MillraceError(
    'CONFIG_INVALID',
    `reduceTo${field} of "${jobtype}" is ${shown}, it takes ${takes}`,
  );
}
