/** Pushes a stream of lines, one job each, with a bound on what is on its way. */
import pLimit from 'p-limit';
import type { JobToPush } from '../client/client.ts';
import { isMillraceError, MillraceError } from '../errors.ts';

import type { Line } from './file-lines.ts';

export interface PushLinesOptions {
  /** Lines as they come (`readLines`). */
  lines: AsyncIterable<readonly Line[]>;
  /** Makes the job of a line; throws what is wrong with it. */
  toJob(text: string): JobToPush;
  push(job: JobToPush): Promise<string>;
  /** Jobs of one PUSHB. */
  chunkSize: number;
  /** Told of every line that is not pushed. */
  onFailed(line: number, error: MillraceError): void;
  /** Counted up while it runs. */
  totals: Totals;
}

export interface Totals {
  pushed: number;
  failed: number;
}

/** Others would fare no better. */
const LOSSES = ['FAKTORY_UNREACHABLE', 'DELIVERY_UNKNOWN', 'REDIS_UNAVAILABLE', 'PARTITION_LAYOUT'] as const;
/** PUSHBs on their way: as many as the Client's lanes hold. */
const PUSHBS = 16;

/**
 * Resolves when every line is pushed or told. Reads no further while PUSHBS chunks are on their way, so memory
 * stays flat however long the stream. When Faktory, or Redis, is lost for good it stops reading and throws that.
 */
export async function pushLines(options: PushLinesOptions): Promise<void> {
  const { lines, chunkSize } = options;
  const limit = pLimit(PUSHBS);
  const onTheirWay = new Set<Promise<void>>();
  const loss: { error?: MillraceError } = {};
  const dispatch = async (chunk: readonly Line[]): Promise<void> => {
    const pushed = limit(() => pushChunk(chunk, options, loss));
    onTheirWay.add(pushed);
    const leave = (): void => void onTheirWay.delete(pushed);
    pushed.then(leave, leave);
    while (limit.pendingCount > 0) await Promise.race(onTheirWay);
  };
  reading: for await (const some of lines) {
    for (let at = 0; at < some.length; at += chunkSize) {
      if (loss.error !== undefined) break reading;
      await dispatch(some.slice(at, at + chunkSize));
    }
  }
  await Promise.all(onTheirWay);
  if (loss.error !== undefined) throw loss.error;
}

/** The jobs of a chunk are pushed in one tick, so they travel as one PUSHB. Never rejects. */
async function pushChunk(
  chunk: readonly Line[],
  { toJob, push, onFailed, totals }: PushLinesOptions,
  loss: { error?: MillraceError },
): Promise<void> {
  const pushLine = async ({ number, text }: Line): Promise<void> => {
    try {
      if (text === undefined) throw new MillraceError('JOB_INVALID', 'the line is too long for a job');
      await push(toJob(text));
      totals.pushed += 1;
    } catch (error) {
      if (!isMillraceError(error)) throw error;
      totals.failed += 1;
      onFailed(number, error);
      if (isMillraceError(error, ...LOSSES)) loss.error ??= error;
    }
  };
  await Promise.all(chunk.map(pushLine));
}
