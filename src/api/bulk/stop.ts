/** Why a bulk is not read to its end, and how that is told. */
import { Problem, type ProblemCode } from '../problem.ts';
import type { Summary } from './answer.ts';
import type { Form } from './opening.ts';
import type { Wait } from './patience.ts';

export interface Stop {
  /** The line or index of the first item that was not tried; undefined before the first. */
  readonly at: number | undefined;
  readonly problem: Problem;
}

const FIRST: Record<Form, number> = { lines: 1, array: 0 };

/** Those of one partition fare so, or of one jobtype. */
const OF_ONE: ReadonlySet<ProblemCode> = new Set(['PARTITION_NUMBERS_LOST', 'CHECK_TIMEOUT']);

/** Faktory is gone, or Redis, or was when this job was given up: others would fare no better. */
export function isAway(problem: Problem, isConnected: boolean): boolean {
  if (OF_ONE.has(problem.code)) return false;
  return problem.status === 503 || (problem.code === 'DELIVERY_UNKNOWN' && !isConnected);
}

/** What is said when something was waited for in vain. */
export const STOPS: Record<Wait, () => Problem> = {
  away: () =>
    new Problem('FAKTORY_UNREACHABLE', {
      message: 'Faktory cannot be reached: send what follows again, later',
    }),
  silent: () => new Problem('REQUEST_TIMEOUT', { message: 'the body did not go on for 30 s' }),
  mute: () =>
    new Problem('REQUEST_TIMEOUT', {
      message:
        'the answer was not read for 30 s: read it while you send, send less at once, or ask for ?outcomes=failed',
    }),
};

/** What is answered where the body held not one item. */
export function emptyBody(): Problem {
  const message = 'the body is empty: send jobs, one a line or as a JSON array';
  return new Problem('BODY_INVALID', { message });
}

export function summaryOf(stored: number, failed: number, stop: Stop | undefined, form: Form): Summary {
  if (stop === undefined) return { stored, failed };
  const { code, message } = stop.problem;
  return { stored, failed, stoppedAt: stop.at ?? FIRST[form], error: { code, message } };
}
