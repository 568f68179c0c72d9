/**
 * What a reducer's job carries; pure. Its one argument is
 *
 *     { "version": 1, "results": [{ "source": "<first jid>", "jobtype": "add", "result": 3 }, …] }
 *
 * No key of it is named `jid`: Faktory's MUTATE finds jobs by the text `"jid":"…"` anywhere in them.
 */
import { MillraceError, messageOf } from '../../errors.ts';
import { type EncodedJob, encodeJob, exceedsDepth } from '../../protocol/job.ts';
import { poison } from '../poison.ts';
import type { Target } from './target.ts';

/** What one job has come to. */
export interface ReducerResult<T extends string = string, R = unknown> {
  /** The jid under which its job was first pushed (`ctx.id`): a second result of the same is a duplicate. */
  source: string;
  /** Of its job. */
  jobtype: T;
  result: R;
}

const VERSION = 1;
/** Under that of a whole job, so that results which fit do so together too. */
const MAX_DEPTH = 90;

/**
 * The result of a job as JSON; undefined where there is nothing to send. Throws RESULT_INVALID for what cannot be
 * written, or would be another thing on the other side.
 */
export function resultText(jobtype: string, result: unknown): string | undefined {
  if (result === undefined || result === null) return undefined;
  const wrong = (why: string, cause?: unknown): MillraceError =>
    new MillraceError('RESULT_INVALID', `the result of "${jobtype}" ${why}`, { cause });
  let text: string | undefined;
  try {
    text = JSON.stringify(result);
  } catch (cause) {
    throw wrong(`cannot be written as JSON: ${messageOf(cause)}`, cause);
  }
  if (text === undefined) throw wrong(`cannot be written as JSON: it is a ${typeof result}`);
  // NaN is: it would be lost, and nobody told.
  if (text === 'null') throw wrong('is null as JSON and not null here');
  if (exceedsDepth(text, MAX_DEPTH)) throw wrong(`is nested over ${MAX_DEPTH} deep`);
  return text;
}

/** One entry of `results`, as text. */
export function entryText(source: string, jobtype: string, result: string): string {
  return `{"source":${JSON.stringify(source)},"jobtype":${JSON.stringify(jobtype)},"result":${result}}`;
}

/** The reducer's job. The results are text already: they are checked one by one, and none can spoil the others. */
export function encodeReducerJob(target: Target, entries: readonly string[]): EncodedJob {
  const { jid, queue, json } = encodeJob(
    { ...target, args: [] },
    { retry: target.retry, reserveFor: target.reserve_for },
  );
  const payload = `{"version":${VERSION},"results":[${entries.join(',')}]}`;
  // In a name the quotes would be escaped, so this is the args.
  const full = json.replace('"args":[]', () => `"args":[${payload}]`);
  return { jid, queue, json: full, bytes: Buffer.byteLength(full) };
}

/** The results of a reducer's job. Throws PAYLOAD_INVALID; of another version it may be mended by an update. */
export function readResults(args: readonly unknown[]): ReducerResult[] {
  const payload = args[0] as { version?: unknown; results?: unknown } | null | undefined;
  if (typeof payload !== 'object' || payload === null || !Array.isArray(payload.results)) {
    throw poison(
      new MillraceError('PAYLOAD_INVALID', 'the args are no results: a reducer gets what reduceTo sends'),
    );
  }
  if (payload.version !== VERSION) {
    const text = `the results are of version ${String(payload.version)}, this worker reads ${VERSION}: update it`;
    throw new MillraceError('PAYLOAD_INVALID', text);
  }
  return payload.results as ReducerResult[];
}
