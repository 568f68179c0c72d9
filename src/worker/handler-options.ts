import { MillraceError } from '../errors.ts';
import { checkQueueName } from '../protocol/job.ts';
import { type BreakerOptions, checkBreaker } from './breaker.ts';
import { checkRate, type Rate } from './limits/rate-tokens.ts';
import type { ReduceTo } from './results/target.ts';
import type { RetryPolicy } from './retry.ts';

/** How the jobs of one jobtype are treated: the last argument of `register` and `handle`. */
export interface HandlerOptions {
  /**
   * How long one run may take, in ms. Then its signal aborts, the job FAILs with HANDLER_TIMEOUT and its slot is free,
   * whether the handler listens or not. Default: as long as the job is reserved.
   */
  handlerTimeoutMs?: number;
  /** When a failed job is tried again, instead of Faktory's own schedule. */
  retry?: RetryPolicy;
  /** Stops fetching the queues of the jobtype for a while when it keeps failing. */
  breaker?: BreakerOptions;
  /**
   * Handlers of the jobtype that run at once in this worker. The queue is fetched no faster than that, so no slot is taken
   * by one that has to wait.
   */
  concurrency?: number;
  /** How many of its jobs begin in any interval of so long, in this worker; its queue is fetched accordingly. */
  rate?: Rate;
  /**
   * The queue of the jobtype, where `concurrency` or `rate` is given: its own, since the limit holds back all of it
   * (default: the contract's; without one, that of its first job which comes).
   */
  queue?: string;
  /**
   * What the handler returns is sent to this reducer, gathered with others, before its job is ACKed; null and undefined
   * are not. Without it a return value is dropped.
   */
  reduceTo?: ReduceTo;
}

/** Throws CONFIG_INVALID, naming the option, or JOB_INVALID for the name of a queue. */
export function checkHandlerOptions(jobtype: string, options: HandlerOptions): HandlerOptions {
  const { handlerTimeoutMs, retry, breaker, concurrency, rate, queue } = options;
  const wrong = (name: string, got: unknown, takes: string): MillraceError =>
    new MillraceError('CONFIG_INVALID', `${name} of "${jobtype}" is ${String(got)}, it takes ${takes}`);
  // A timer's longest is 2³¹ − 1 ms; over it, Node's fire at once.
  if (handlerTimeoutMs !== undefined && !(handlerTimeoutMs > 0 && handlerTimeoutMs < 2 ** 31))
    throw wrong('handlerTimeoutMs', handlerTimeoutMs, 'a time over 0, up to 24 days');
  if (retry !== undefined && typeof retry !== 'function') throw wrong('retry', retry, 'a function');
  if (breaker !== undefined) checkBreaker(`"${jobtype}"`, breaker);
  if (concurrency !== undefined && (!Number.isSafeInteger(concurrency) || concurrency < 1))
    throw wrong('concurrency', concurrency, 'a whole number from 1');
  if (rate !== undefined) checkRate(`"${jobtype}"`, rate);
  if (queue !== undefined) checkQueueName(queue);
  return options;
}
