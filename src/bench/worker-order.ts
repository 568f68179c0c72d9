/** What a worker process of the bench is told, and what it tells. */
import type { Usage } from './child.ts';
import type { Prefetch } from './sweep.ts';

/** No other queue is ever touched. */
export const QUEUE = 'millrace-bench';
export const JOBTYPE = 'millrace-bench';

/** How a process of the bench reaches Faktory; goes by IPC, never by arguments, which the list of processes shows. */
export interface Reach {
  readonly url: string;
  readonly password?: string;
  /** Behind the relay the certificate is still that of Faktory. */
  readonly tlsOptions?: { readonly servername: string };
}

export interface WorkerOrder {
  readonly connect: Reach;
  readonly concurrency: number;
  readonly prefetch: Prefetch;
  /** The measurement ends after so many, or after so many seconds; the worker goes on until it is told to stop. */
  readonly jobs: number;
  readonly seconds: number;
  readonly jobTimeMs: number;
}

/** Taken when the warm-up is over, and at the end. */
export interface Mark extends Usage {
  readonly done: number;
  /** Spent in all handlers together. */
  readonly handlerMs: number;
}
