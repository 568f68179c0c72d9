/**
 * The handler's side of `client.pushChunked`: one job that carries many items, an outcome for each. Of one whose items
 * fail in part, only those are tried again.
 */
import { MillraceError } from '../../errors.ts';
import type { JobPayload } from '../../protocol/job.ts';
import type { JobContext } from '../context.ts';
import type { ContextHandler } from '../executor.ts';
import type { HandlerOptions } from '../handler-options.ts';
import { poison } from '../poison.ts';
import { type BatchAnswer, endsOf } from './outcomes.ts';

/** The items of a chunk: its job's first arg. */
// biome-ignore lint/suspicious/noExplicitAny: items are the user's own; a contract types them.
export type ItemsOf<A extends readonly any[]> = number extends A['length']
  ? // biome-ignore lint/suspicious/noExplicitAny: as above.
    readonly any[]
  : A[0] extends readonly unknown[]
    ? A[0]
    : never;

/** Gets the items of one job, and the context of every handler; answers as a batch handler does. */
export type ChunkHandler<I extends readonly unknown[] = readonly unknown[]> = (
  items: I,
  ctx: JobContext,
) => BatchAnswer | Promise<BatchAnswer>;

/** How chunks are treated: what items come to is told by outcomes, so there are no results to send. */
export type ChunkHandlerOptions = Omit<HandlerOptions, 'reduceTo'>;

/** Throws CONFIG_INVALID: from JavaScript, and by way of a variable, anything comes. */
export function checkChunkOptions(jobtype: string, options: HandlerOptions = {}): void {
  if (options.reduceTo === undefined) return;
  const text = `the chunks of "${jobtype}" take no reduceTo: their handler answers with outcomes, not results. Use register`;
  throw new MillraceError('CONFIG_INVALID', text);
}

/** An item of a job that failed, as it was pushed. */
export interface FailedItem {
  readonly item: unknown;
  readonly error: unknown;
}

/** Thrown for a job of which some items failed and the others are done. */
export class ItemsFailed extends Error {
  override readonly name = 'ItemsFailed';
  readonly #failed: readonly FailedItem[];

  constructor(failed: readonly FailedItem[], count: number) {
    super(`${failed.length} of ${count} items failed`, { cause: failed[0]!.error });
    this.#failed = failed;
  }

  get failed(): readonly FailedItem[] {
    return this.#failed;
  }

  /** Asked of whatever was thrown: unlike instanceof, it springs no trap of a proxy. */
  static is(thrown: unknown): thrown is ItemsFailed {
    return typeof thrown === 'object' && thrown !== null && #failed in thrown;
  }
}

/** What is left to do of a job that failed so: where it failed in part, only that part. */
export function leftOf(job: JobPayload, thrown: unknown): JobPayload {
  if (!ItemsFailed.is(thrown)) return job;
  return { ...job, args: [thrown.failed.map(({ item }) => item), ...job.args.slice(1)] };
}

/** Turns a handler of items into one of jobs. */
// biome-ignore lint/suspicious/noExplicitAny: as above.
export function chunked(handler: ChunkHandler<any>): ContextHandler {
  return async (ctx, items) => {
    if (!Array.isArray(items)) {
      const text = `the first arg of "${ctx.job.jobtype}" is no array of items: push it with pushChunked`;
      throw poison(new MillraceError('PAYLOAD_INVALID', text));
    }
    const ends = endsOf(await handler(items, ctx), items.length, 'items');
    // As they were pushed, not as the schema gave them back: they are to be parsed again.
    const pushed = ctx.job.args[0] as readonly unknown[];
    const failed = ends.flatMap((end, at) =>
      end === undefined ? [] : [{ item: pushed[at], error: end.error }],
    );
    if (failed.length === 0) return;
    // None is done, or the schema has made others of them: the job as a whole has failed.
    if (failed.length === items.length && failed.length === 1) throw failed[0]!.error;
    if (pushed.length !== items.length) throw failed[0]!.error;
    throw new ItemsFailed(failed, items.length);
  };
}
