/**
 * What a reducer's job carries; pure. Its one argument is
 *
 *     { "version": 2, "results": "[{\"source\":\"<first jid>\",\"jobtype\":\"add\",\"result\":3},…]" }
 *
 * The results are a string since Faktory's MUTATE finds jobs by the text `"jid":"…"` or `"jobtype":"…"` anywhere in them:
 * whoever discards the dead jobs of "add" must not discard its results, nor may a result hold the jid of another job.
 * Version 1 had them as an array.
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

const VERSION = 2;
/** Under that of a job's args: they may well travel on as such. */
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

/** One entry of `results`, as it stands in that string. */
export function entryText(source: string, jobtype: string, result: string): string {
  const entry = `{"source":${JSON.stringify(source)},"jobtype":${JSON.stringify(jobtype)},"result":${result}}`;
  return JSON.stringify(entry).slice(1, -1);
}

/** The reducer's job. The results are text already: they are checked one by one, and none can spoil the others. */
export function encodeReducerJob(target: Target, entries: readonly string[]): EncodedJob {
  const { jid, queue, json } = encodeJob(
    { ...target, args: [] },
    { retry: target.retry, reserveFor: target.reserve_for },
  );
  const payload = `{"version":${VERSION},"results":"[${entries.join(',')}]"}`;
  // In a name the quotes would be escaped, so this is the args.
  const full = json.replace('"args":[]', () => `"args":[${payload}]`);
  return { jid, queue, json: full, bytes: Buffer.byteLength(full) };
}

/** The results of a reducer's job. Throws PAYLOAD_INVALID; of another version it may be mended by an update. */
export function readResults(args: readonly unknown[]): ReducerResult[] {
  const { version, results } = Object(args[0]) as { version?: unknown; results?: unknown };
  if (typeof version === 'number' && version > VERSION) {
    const text = `the results are of version ${version}, this worker reads 1 and ${VERSION}: update it`;
    throw new MillraceError('PAYLOAD_INVALID', text);
  }
  const list = version === 1 ? results : version === VERSION ? parsed(results) : undefined;
  if (Array.isArray(list)) return list as ReducerResult[];
  const text = 'the args are no results: a reducer gets what reduceTo sends';
  throw poison(new MillraceError('PAYLOAD_INVALID', text));
}

/** Undefined for what is no JSON. */
function parsed(text: unknown): unknown {
  if (typeof text !== 'string') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
