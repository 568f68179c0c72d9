/** The one way from a checked request to Faktory: defaults, what is allowed, the push. */
import type { Client } from '../client/client.ts';
import type { JobDefaults, JobInput } from '../protocol/job.ts';
import { type AllowedNames, refuseForbidden } from './allowed.ts';
import { type Envelope, jobOf } from './job-request.ts';

/** What is answered for a job that Faktory has. */
export interface Accepted {
  readonly jid: string;
  readonly queue: string;
}

/** A job that may be pushed. */
export interface Submission {
  readonly job: JobInput;
  readonly queue: string;
}

export interface SubmitOptions {
  client: Client;
  allowed: AllowedNames;
  jobDefaults: JobDefaults;
}

/** Throws JOB_FORBIDDEN, and JOB_INVALID for a jobtype that the contract does not have. */
export function submissionOf(
  envelope: Envelope,
  { client, allowed, jobDefaults }: SubmitOptions,
): Submission {
  // The contract, where there is one, says how a job travels; the API's own defaults fill what it leaves open.
  const definition = client.contract?.definitionOf(envelope.jobtype);
  const job = jobOf(envelope, definition === undefined ? jobDefaults : { ...jobDefaults, ...definition });
  const queue = job.queue ?? definition?.queue ?? 'default';
  refuseForbidden(allowed, job.jobtype, queue);
  job.queue = queue;
  return { job, queue };
}
