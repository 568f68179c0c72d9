import type { Worker } from '../worker/worker.ts';

/**
 * Runs one job as the worker would, handler and middleware, without any Faktory; the worker need not have started.
 * Resolves to what the handler returned; rejects with what it threw, HANDLER_UNKNOWN, or JOB_INVALID for args that
 * could not be pushed. `worker.perform` takes whole jobs, with custom and the like.
 */
export function runJob(
  worker: Pick<Worker, 'perform'>,
  jobtype: string,
  ...args: unknown[]
): Promise<unknown> {
  return worker.perform({ jobtype, args });
}
