import { isMillraceError, MillraceError } from '../errors.ts';
import type { JobPayload } from '../protocol/job.ts';
import { JobContext, RESULT } from './context.ts';
import type { HandlerOptions } from './handler-options.ts';
import type { HeldJob } from './held-job.ts';
import { type Chain, compose, type Middleware } from './middleware.ts';
import { poison } from './poison.ts';

/**
 * The user's function for a jobtype: gets the job's args. Where it returns a function, that one is called with
 * the context (faktory-worker's form). What it throws, or rejects with, fails the job; what it returns is dropped.
 */
// biome-ignore lint/suspicious/noExplicitAny: args are the user's own; a contract types them (issue: job contract).
export type Handler = (...args: any[]) => unknown;

/** The nicer form: the context first. */
// biome-ignore lint/suspicious/noExplicitAny: as above.
export type ContextHandler = (ctx: JobContext, ...args: any[]) => unknown;

/** Hears how a run ended. Exactly one of the two, once. */
export interface RunListener {
  /** `result`: what the handler returned, or what its promise came to, whatever middleware made of it. */
  onDone(held: HeldJob, result: unknown): void;
  onThrown(held: HeldJob, thrown: unknown): void;
}

export type ParseArgs = (
  jobtype: string,
  args: readonly unknown[],
) => readonly unknown[] | Promise<readonly unknown[]>;

interface Registered {
  readonly handler: ContextHandler;
  readonly options: HandlerOptions;
}

/** Runs handlers, through their middleware. */
export class Executor {
  readonly #handlers = new Map<string, Registered>();
  readonly #middleware: Middleware[] = [];
  readonly #parseArgs: ParseArgs | undefined;
  #chain: Chain | undefined;

  /** `parseArgs`: what the contract makes of a job's args; throws for a payload that does not fit. */
  constructor(parseArgs?: ParseArgs) {
    this.#parseArgs = parseArgs;
  }

  get jobtypes(): string[] {
    return [...this.#handlers.keys()];
  }

  register(jobtype: string, handler: ContextHandler, options: HandlerOptions = {}): void {
    this.#handlers.set(jobtype, { handler, options });
  }

  /** How the jobs of a jobtype are treated; undefined where it has no handler. */
  optionsOf(jobtype: string): HandlerOptions | undefined {
    return this.#handlers.get(jobtype)?.options;
  }

  use(middleware: Middleware): void {
    this.#middleware.push(middleware);
    this.#chain = undefined;
  }

  /** Runs a job; `listener` hears of its end, before this returns when the handler was not asynchronous. */
  run(held: HeldJob, listener: RunListener): void {
    this.#chain ??= compose(this.#middleware, (ctx) => this.#call(ctx));
    const ctx = new JobContext(held);
    let result: unknown;
    let settling: Promise<unknown> | undefined;
    try {
      result = this.#chain(ctx);
      // Promise.resolve takes up any thenable, one whose `then` throws too.
      if (isThenable(result)) settling = Promise.resolve(result);
    } catch (thrown) {
      listener.onThrown(held, thrown);
      return;
    }
    if (settling === undefined) {
      listener.onDone(held, this.#resultOf(ctx, result));
      return;
    }
    settling.then(
      (value) => listener.onDone(held, this.#resultOf(ctx, value)),
      (thrown) => listener.onThrown(held, thrown),
    );
  }

  /** Middleware as a rule returns nothing: under it the result is kept on the context. */
  #resultOf(ctx: JobContext, returned: unknown): unknown {
    return this.#middleware.length === 0 ? returned : ctx[RESULT];
  }

  /** The job's args as its handler gets them. Throws, or rejects with, what keeps them from it: poison if they do not fit. */
  argsOf({ jobtype, args }: JobPayload): readonly unknown[] | Promise<readonly unknown[]> {
    if (!Array.isArray(args)) throw poison(new MillraceError('PAYLOAD_INVALID', 'the args are no array'));
    return this.#parseArgs === undefined ? args : this.#parse(jobtype, args);
  }

  #call(ctx: JobContext): unknown {
    const { jobtype } = ctx.job;
    const handler = this.#handlers.get(jobtype)?.handler;
    if (handler === undefined) {
      const text = `no handler is registered for jobtype "${jobtype}": register one, or use another queue`;
      throw poison(new MillraceError('HANDLER_UNKNOWN', text));
    }
    const parsed = this.argsOf(ctx.job);
    return parsed instanceof Promise ? parsed.then((fit) => handler(ctx, ...fit)) : handler(ctx, ...parsed);
  }

  /** What does not fit never will; what keeps a schema from looking (a database that is away) may pass. */
  #parse(jobtype: string, args: readonly unknown[]): readonly unknown[] | Promise<readonly unknown[]> {
    const refuse = (error: unknown): never => {
      throw isMillraceError(error, 'PAYLOAD_INVALID') ? poison(error) : error;
    };
    try {
      const parsed = this.#parseArgs!(jobtype, args);
      return parsed instanceof Promise ? parsed.catch(refuse) : parsed;
    } catch (error) {
      return refuse(error);
    }
  }
}

/** Turns faktory-worker's form into the one with the context. */
export function withoutContext(handler: Handler): ContextHandler {
  return (ctx, ...args) => {
    const result = handler(...args);
    if (typeof result === 'function') return result(ctx);
    return isThenable(result)
      ? result.then((value) => (typeof value === 'function' ? value(ctx) : value))
      : result;
  };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}
