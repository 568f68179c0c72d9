import { MillraceError } from '../../errors.ts';

/**
 * What became of one job: nothing, when it is done, or the error that it failed with; or what `Promise.allSettled` says
 * of it.
 */
export type BatchOutcome = undefined | null | Error | PromiseSettledResult<unknown>;

/** What a batch handler may answer: nothing, when all is done, or an outcome for each job, in their order. */
// biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing is meant.
export type BatchAnswer = void | undefined | null | readonly BatchOutcome[];

/** How one job ended; `undefined`: well. */
export type Ended = { readonly error: unknown } | undefined;

/**
 * What an answer says of each of `count` jobs; pure. Throws BATCH_ANSWER for what is no answer: to guess which jobs it
 * means would lose some.
 */
export function endsOf(answer: unknown, count: number, what = 'jobs'): Ended[] {
  if (answer === undefined || answer === null) return new Array<Ended>(count).fill(undefined);
  if (!Array.isArray(answer)) throw wrong(`answered ${nameOf(answer)}`, what);
  if (answer.length !== count) throw wrong(`answered ${answer.length} outcomes for ${count} ${what}`, what);
  return Array.from(answer, (outcome: unknown, at) => endOf(outcome, at, what));
}

function endOf(outcome: unknown, at: number, what: string): Ended {
  if (outcome === undefined || outcome === null) return undefined;
  if (outcome instanceof Error) return { error: outcome };
  const { status, reason } = outcome as Partial<PromiseRejectedResult>;
  if ((status as string) === 'fulfilled') return undefined;
  if (status === 'rejected') return { error: reason };
  throw wrong(`answered ${nameOf(outcome)} as outcome ${at}`, what);
}

function wrong(did: string, what: string): MillraceError {
  const takes = `nothing, or an array with, for each of the ${what}, undefined or an Error (or what Promise.allSettled gives)`;
  return new MillraceError(
    'BATCH_ANSWER',
    `the handler ${did}; it takes ${takes}. All ${what} count as failed`,
  );
}

function nameOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return `the ${typeof value} ${String(value)}`.slice(0, 60);
  return value.constructor?.name === 'Object' ? 'an object' : `a ${value.constructor?.name ?? 'thing'}`;
}
