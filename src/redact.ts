/**
 * Takes secrets out of text that leaves the process, in a log or in what a FAIL tells Faktory; pure. It knows their
 * usual shapes, and the values that the process was given.
 *
 * Every finder looks at the text as it came and tells what to hide, from where to where; what they tell is hidden in
 * one go. So none is misled by the stars of another. Of JSON only the strings are looked at, never keys, numbers or
 * what is between them: what was JSON stays so. All of it takes time linear in the text, whoever wrote that.
 */

import { HIDDEN, redactJson } from './redact-json.ts';
import { isWordChar, MAY_MATCH, matchesIn, namedIn, type Span, userinfoIn } from './secret-finders.ts';
import { MAY_NAME } from './secret-name.ts';

/** Shorter ones would take letters out of ordinary words. */
const SHORTEST_SECRET = 6;
/** A word or a number shorter than this may well be part of another, as `default` is of `defaults`. */
const PLAIN_SECRET = /^(?:[a-z]{1,11}|\d{1,11})$/i;
/** What to look for, the longest first: it may hold a shorter one. */
let known: { readonly text: string; readonly isPlain: boolean }[] = [];

/**
 * From now on this very text is hidden wherever it stands: a password or token of the process's own. One that is but
 * a short word or number is hidden only where it stands by itself.
 */
export function hideSecret(secret: string | undefined): void {
  if (secret === undefined || secret.length < SHORTEST_SECRET) return;
  // Also as it stands in JSON that somebody quotes.
  for (const text of new Set([secret, JSON.stringify(secret).slice(1, -1)]))
    if (!known.some((one) => one.text === text)) known.push({ text, isPlain: PLAIN_SECRET.test(text) });
  known = known.sort((a, b) => b.text.length - a.text.length);
}

/** For tests: what a test has told must not hide anything in the next. */
export function forgetSecrets(): void {
  known = [];
}

/** The text without secrets. A line of JSON stays one, with the same keys. */
export function redact(text: string): string {
  return isJson(text) ? redactJson(text, redactPlain) : redactPlain(text);
}

function isJson(text: string): boolean {
  if (!/^\s{0,8}[{["]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function redactPlain(text: string): string {
  const spans = [...knownIn(text)];
  // Most texts hold none of what the finders start from; a thousand lines a second may be looked through.
  if (text.includes('://')) for (const span of userinfoIn(text)) spans.push(span);
  if (MAY_MATCH.test(text)) for (const span of matchesIn(text)) spans.push(span);
  if (MAY_NAME.test(text)) for (const span of namedIn(text)) spans.push(span);
  return spans.length === 0 ? text : hide(text, spans);
}

/** Spans that overlap or touch become one. */
function hide(text: string, spans: Span[]): string {
  let clean = '';
  let done = -1;
  for (const [from, to] of spans.sort((a, b) => a[0] - b[0])) {
    if (from > done) clean += text.slice(Math.max(0, done), from) + HIDDEN;
    done = Math.max(done, to);
  }
  return clean + text.slice(done);
}

function* knownIn(text: string): Generator<Span> {
  for (const { text: secret, isPlain } of known) {
    for (let at = text.indexOf(secret); at >= 0; at = text.indexOf(secret, at + secret.length)) {
      const end = at + secret.length;
      if (isPlain && (isWordChar(text[at - 1]) || isWordChar(text[end]))) continue;
      yield [at, end];
    }
  }
}
