import { newJid } from '../../protocol/job.ts';
import { parseText } from '../body.ts';
import { checkEnvelope, type Envelope } from '../job-request.ts';
import { Problem } from '../problem.ts';
import type { Form } from './opening.ts';

const WHAT: Record<Form, string> = { lines: 'the line', array: 'the item' };

/** The envelope that an item is, with a jid. `text` is undefined where it was not UTF-8. Throws BODY_INVALID, JOB_INVALID. */
export function envelopeOf(text: string | undefined, form: Form): Envelope & { jid: string } {
  if (text === undefined) throw new Problem('BODY_INVALID', { message: `${WHAT[form]} is not UTF-8` });
  const envelope = checkEnvelope(parseText(text, WHAT[form]));
  // It was made from the text a moment ago and is nobody else's.
  envelope.jid ??= newJid();
  return envelope as Envelope & { jid: string };
}

/** What is told of an item that was skipped. */
export function tooLong(limit: number, form: Form): Problem {
  const message = `${WHAT[form]} is longer than ${limit} bytes, the most that a job may have (API_BODY_LIMIT)`;
  return new Problem('BODY_TOO_LARGE', { message });
}

/** Whether the text of an item was no JSON at all: in an array, where it ends is then a guess. */
export function isNoJson(problem: Problem): boolean {
  return problem.cause instanceof SyntaxError;
}
