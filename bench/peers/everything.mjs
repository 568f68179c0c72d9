/** What a worker may have switched on beside what always is: a contract, a middleware, a time limit, a breaker, a log. */
import { defineJobs } from 'millrace';
import { z } from 'zod';

export const workerOptions = {
  contract: defineJobs({ noop: { args: z.tuple([z.number()]) } }),
  middleware: [(_ctx, next) => next()],
  breakers: { default: {} },
  slowMs: 1_000,
  logger: undefined,
};

export const handlerOptions = { handlerTimeoutMs: 60_000 };
