/** API_QUEUES and API_JOBTYPES: what may be pushed through the API. */
import { cut } from '../cut.ts';
import { Problem } from './problem.ts';

export interface AllowedNames {
  /** Names; one that ends with `*` stands for all that begin so. None: any. */
  readonly queues?: readonly string[] | undefined;
  readonly jobtypes?: readonly string[] | undefined;
}

/** Throws JOB_FORBIDDEN, naming the setting. */
export function refuseQueue(allowed: AllowedNames, queue: string): void {
  refuseName('queue', queue, allowed.queues, 'API_QUEUES');
}

/** Throws JOB_FORBIDDEN. */
export function refuseJobtype(allowed: AllowedNames, jobtype: string): void {
  refuseName('jobtype', jobtype, allowed.jobtypes, 'API_JOBTYPES');
}

/** Whether API_QUEUES, where it is set, has the queue. */
export function allowsQueue({ queues }: AllowedNames, queue: string): boolean {
  return isAllowed(queues, queue);
}

/** Whether API_JOBTYPES, where it is set, has the jobtype. */
export function allowsJobtype({ jobtypes }: AllowedNames, jobtype: string): boolean {
  return isAllowed(jobtypes, jobtype);
}

function refuseName(
  kind: string,
  name: string,
  allowed: readonly string[] | undefined,
  setting: string,
): void {
  if (isAllowed(allowed, name)) return;
  const message = `${kind} ${JSON.stringify(cut(name, 256))} is not one that ${setting} allows`;
  throw new Problem('JOB_FORBIDDEN', { message });
}

function isAllowed(allowed: readonly string[] | undefined, name: string): boolean {
  return allowed === undefined || allowed.some((pattern) => fits(pattern, name));
}

function fits(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
