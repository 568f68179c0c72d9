/** The one way from a checked request to Faktory: defaults, what is allowed, the push. */
import type { Client, JobToPush } from '../client/client.ts';
import type { JobDefinition } from '../contract/contract.ts';
import { cut } from '../cut.ts';
import type { JobDefaults } from '../protocol/job.ts';
import { type AllowedNames, refuseJobtype, refuseQueue } from './allowed.ts';
import { type Envelope, jobOf } from './job-request.ts';
import { Problem } from './problem.ts';

/** What is answered for a job that Faktory has. */
export interface Accepted {
  readonly jid: string;
  /** The one that is split, for a job with a partition key. */
  readonly queue: string;
}

/** A job that may be pushed. */
export interface Submission {
  readonly job: JobToPush;
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
  // First: who may not push a jobtype is not told whether there is one.
  refuseJobtype(allowed, envelope.jobtype);
  // The contract, where there is one, says how a job travels; the API's own defaults fill what it leaves open.
  const definition = definitionOf(client, envelope.jobtype);
  const job = jobOf(envelope, definition === undefined ? jobDefaults : { ...jobDefaults, ...definition });
  const queue = job.queue ?? definition?.queue ?? 'default';
  refuseQueue(allowed, queue);
  job.queue = queue;
  return { job, queue };
}

function definitionOf({ contract }: Client, jobtype: string): JobDefinition | undefined {
  try {
    return contract?.definitionOf(jobtype);
  } catch (cause) {
    // Not in the contract's own words, which list its jobtypes: not all of them may be this client's business.
    const message = `${JSON.stringify(cut(jobtype, 256))} is not one of the contract`;
    const faults = [{ path: 'jobtype', message: 'is not one of the contract' }];
    throw new Problem('JOB_INVALID', { message: `jobtype ${message}`, faults, cause });
  }
}
