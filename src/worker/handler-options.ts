import { MillraceError } from '../errors.ts';
import { type BreakerOptions, checkBreaker } from './breaker.ts';
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
}

/** Throws CONFIG_INVALID, naming the option. */
export function checkHandlerOptions(jobtype: string, options: HandlerOptions): HandlerOptions {
  const { handlerTimeoutMs, retry, breaker } = options;
  const wrong = (name: string, got: unknown, takes: string): MillraceError =>
    new MillraceError('CONFIG_INVALID', `${name} of "${jobtype}" is ${String(got)}, it takes ${takes}`);
  // A timer's longest is 2³¹ − 1 ms; over it, Node's fire at once.
  if (handlerTimeoutMs !== undefined && !(handlerTimeoutMs > 0 && handlerTimeoutMs < 2 ** 31))
    throw wrong('handlerTimeoutMs', handlerTimeoutMs, 'a time over 0, up to 24 days');
  if (retry !== undefined && typeof retry !== 'function') throw wrong('retry', retry, 'a function');
  if (breaker !== undefined) checkBreaker(`"${jobtype}"`, breaker);
  return options;
}
