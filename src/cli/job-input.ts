/** Reads jobs and their parts as people and files give them. Everything throws JOB_INVALID. */

import type { JobToPush } from '../client/client.ts';
import { MillraceError, messageOf } from '../errors.ts';

/** What the command line adds to each job that says nothing itself. */
export type JobExtras = Pick<JobToPush, 'queue' | 'at' | 'partitionKey'>;

/** One argument of the command line, as JSON. */
export function parseArgument(text: string, index: number): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const hint = /^[\w .:/@-]*$/.test(text) ? `; for a string, write '"${text}"'` : '';
    throw invalid(`argument ${index + 1} is not JSON: ${text}${hint}`, cause);
  }
}

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `5m` and the like, in ms; a bare number is seconds. At most about a hundred years. */
export function parseDelay(text: string): number {
  const [, amount, unit = 's'] = /^(\d{1,12}(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text) ?? [];
  const delayMs = Number(amount) * UNITS_MS[unit]!;
  if (delayMs <= 36_500 * UNITS_MS.d!) return delayMs;
  throw invalid(`--in is "${text}", it takes a time from now such as 500ms, 30s, 5m, 2h or 1d`);
}

const FIELDS = new Set([
  'jobtype',
  'args',
  'jid',
  'queue',
  'retry',
  'reserve_for',
  'at',
  'custom',
  'backtrace',
  'created_at',
  'partitionKey',
]);

/**
 * One line of a file. With a jobtype the line is its arguments (an array) or its one argument (anything else);
 * without one it is the job, an object with the protocol's fields, and a `partitionKey`.
 */
export function jobOfLine(text: string, jobtype: string | undefined, extras: JobExtras): JobToPush {
  const value = parseLine(text);
  if (jobtype !== undefined) return { jobtype, args: Array.isArray(value) ? value : [value], ...extras };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid('it takes an object such as {"jobtype": "add", "args": [1, 2]}, or name a jobtype to push');
  }
  // A misspelt field would be lost without a word.
  const unknown = Object.keys(value).find((field) => !FIELDS.has(field));
  if (unknown !== undefined)
    throw invalid(`"${unknown}" is no field of a job; those are ${[...FIELDS].join(', ')}`);
  return { ...extras, ...(value as JobToPush) };
}

function parseLine(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalid(`not JSON: ${messageOf(cause)}`, cause);
  }
}

function invalid(text: string, cause?: unknown): MillraceError {
  return new MillraceError('JOB_INVALID', text, { cause });
}
