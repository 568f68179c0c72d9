import { type JobContext, RESULT } from './context.ts';

/** koa's form: do something, `await next()`, do something more. What it throws fails the job. */
export type Middleware = (ctx: JobContext, next: () => Promise<unknown>) => unknown;

/** Runs the rest of the chain for one job. */
export type Chain = (ctx: JobContext) => unknown;

/**
 * Folds middleware, first one outermost, around `last`. Without any, it is `last` itself, at no cost. What `last` came
 * to is kept on the context, since middleware rarely returns it.
 */
export function compose(middleware: readonly Middleware[], last: Chain): Chain {
  return middleware.reduceRight<Chain>(
    (next, layer) => (ctx) => layer(ctx, once(next, ctx, next === last)),
    last,
  );
}

/** `next()` always gives a promise, and works once: a second call would run the handler twice. */
function once(next: Chain, ctx: JobContext, isLast: boolean): () => Promise<unknown> {
  let called = false;
  return async () => {
    if (called) throw new Error('next() was called twice by a middleware');
    called = true;
    const result = await next(ctx);
    if (isLast) ctx[RESULT] = result;
    return result;
  };
}
