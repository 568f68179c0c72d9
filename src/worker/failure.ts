/** What a FAIL tells of whatever a handler threw: bounded, and without secrets; pure, and never throws itself. */
import { messageOf } from '../errors.ts';
import type { Failure } from '../protocol/commands.ts';
import { redact } from '../redact.ts';

/** Faktory keeps no more than these, in bytes of UTF-8. */
const MAX_MESSAGE = 1_000;
const MAX_ERRTYPE = 100;
const MAX_LINES = 50;
const MAX_LINE = 120;
/** Of all lines together, in characters of JSON, so that a FAIL stays under 8 kB. */
const MAX_BACKTRACE = 4_000;

export function failureOf(jid: string, thrown: unknown): Failure {
  return {
    jid,
    errtype: clip(errtypeOf(thrown), MAX_ERRTYPE),
    message: clip(redact(messageOf(thrown)), MAX_MESSAGE),
    backtrace: bounded(backtraceOf(thrown)),
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
    return lines.slice(0, MAX_LINES).map((line) => clip(redact(line.trim()), MAX_LINE));
  } catch {
    return [];
  }
}

/** The first lines, as many as there is room for. */
function bounded(lines: string[]): string[] {
  let room = MAX_BACKTRACE;
  return lines.filter((line) => {
    room -= Buffer.byteLength(JSON.stringify(line)) + 1;
    return room >= 0;
  });
}

/** So many bytes at most, no half character at the end, and no control characters: JSON makes six bytes of each. */
function clip(text: string, maxBytes: number): string {
  const plain = text.replace(/[\u0000-\u001f\u007f]/g, ' ');
  const bytes = Buffer.from(plain);
  return bytes.length <= maxBytes
    ? plain
    : bytes
        .subarray(0, maxBytes)
        .toString()
        .replace(/\ufffd+$/, '');
}
