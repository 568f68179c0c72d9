/** What a FAIL tells of whatever a handler threw; pure, and never throws itself. */
import { messageOf } from '../errors.ts';
import type { Failure } from '../protocol/commands.ts';

/** Faktory keeps no more than these. */
const MAX_MESSAGE = 1_000;
const MAX_ERRTYPE = 100;
const MAX_LINES = 50;
const MAX_LINE = 120;

export function failureOf(jid: string, thrown: unknown): Failure {
  return {
    jid,
    errtype: errtypeOf(thrown).slice(0, MAX_ERRTYPE),
    message: messageOf(thrown).slice(0, MAX_MESSAGE),
    backtrace: backtraceOf(thrown),
  };
}

/** The error's code where it has one (ECONNREFUSED), else its class. */
function errtypeOf(thrown: unknown): string {
  try {
    if (!(thrown instanceof Error)) return 'NonError';
    const { code } = thrown as { code?: unknown };
    return typeof code === 'string' && code !== '' ? code : thrown.constructor.name || thrown.name;
  } catch {
    return 'Error';
  }
}

function backtraceOf(thrown: unknown): string[] {
  try {
    if (!(thrown instanceof Error) || typeof thrown.stack !== 'string') return [];
    const lines = thrown.stack
      .split('\n', MAX_LINES * 2)
      .filter((line) => line.trimStart().startsWith('at '));
    return lines.slice(0, MAX_LINES).map((line) => line.trim().slice(0, MAX_LINE));
  } catch {
    return [];
  }
}
