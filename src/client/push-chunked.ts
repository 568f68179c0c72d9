/** Many items as few jobs: what a job costs on its way is paid once for all of its items. */
import { MillraceError } from '../errors.ts';
import type { JobToPush } from './options.ts';
import type { PushOutcome } from './push-all.ts';

export interface ChunkOptions extends Omit<JobToPush, 'jid' | 'jobtype' | 'args'> {
  /** The most items of one job. */
  size: number;
}

/** What a job's first arg is an array of. */
// biome-ignore lint/suspicious/noExplicitAny: a contract says what the args are.
export type ItemIn<A extends readonly any[]> = number extends A['length']
  ? unknown
  : A[0] extends readonly (infer Item)[]
    ? Item
    : never;

/** A chunk that was not stored, or may not be; the code is that of its job's error, which is the cause. */
export class ChunkError extends MillraceError {
  /** Its items, as positions in what was pushed. */
  readonly from: number;
  readonly to: number;

  constructor(from: number, to: number, cause: MillraceError) {
    super(cause.code, `items ${from} to ${to - 1}: ${cause.message}`, { cause });
    this.from = from;
    this.to = to;
  }
}

interface Pushing {
  pushAll<J extends JobToPush>(jobs: AsyncIterable<J>): AsyncGenerator<PushOutcome<J>>;
}

/** Throws CONFIG_INVALID for a size that is none. */
export async function pushChunked(
  client: Pushing,
  jobtype: string,
  items: Iterable<unknown> | AsyncIterable<unknown>,
  { size, ...job }: ChunkOptions,
): Promise<string[]> {
  if (!(Number.isSafeInteger(size) && size >= 1))
    throw new MillraceError(
      'CONFIG_INVALID',
      `size of the chunks is ${String(size)}, it takes a whole number from 1`,
    );
  const jids: string[] = [];
  const errors: ChunkError[] = [];
  let from = 0;
  for await (const { job: pushed, jid, error } of client.pushAll(jobsOf(jobtype, items, size, job))) {
    const to = from + pushed.args[0].length;
    if (error === undefined) jids.push(jid);
    else errors.push(new ChunkError(from, to, error));
    from = to;
  }
  if (errors.length === 0) return jids;
  throw new AggregateError(
    errors,
    `${errors.length} of ${errors.length + jids.length} chunks: ${errors[0]!.message}`,
  );
}

type ChunkJob = JobToPush & { args: [items: unknown[]] };

async function* jobsOf(
  jobtype: string,
  items: Iterable<unknown> | AsyncIterable<unknown>,
  size: number,
  job: Omit<ChunkOptions, 'size'>,
): AsyncGenerator<ChunkJob> {
  let chunk: unknown[] = [];
  for await (const item of items) {
    chunk.push(item);
    if (chunk.length < size) continue;
    yield { ...job, jobtype, args: [chunk] };
    chunk = [];
  }
  if (chunk.length > 0) yield { ...job, jobtype, args: [chunk] };
}
