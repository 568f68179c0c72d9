/**
 * Finds secrets in text by their usual shapes: credentials, keys, passwords of URLs, what stands behind a name that
 * says so. Pure, and linear in the text, whoever wrote that.
 */
import { isSecretName, LONGEST_NAME } from './secret-name.ts';

/** From where to where; the end is not part of it. */
export type Span = readonly [from: number, to: number];

export const isWordChar = (char: string | undefined): boolean => char !== undefined && /\w/.test(char);

/** `Bearer …` and `Basic …` wherever they stand, and private keys in PEM, as far as they go. */
const CREDENTIALS = /\b(?:bearer|basic)\s{1,8}([A-Za-z0-9._~+/=-]{6,})/dgi;
const PEM = /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----([\s\S]*?)(?:-----END|$)/dg;

export const MAY_MATCH = /bearer|basic|-----BEGIN/i;

export function* matchesIn(text: string): Generator<Span> {
  for (const shape of [CREDENTIALS, PEM])
    for (const { indices } of text.matchAll(shape)) yield indices![1] as Span;
}

/**
 * `scheme://user:password@host`: all of the userinfo, since a Faktory URL has its password alone there. It ends at
 * the last @ before a space or a quote: people forget to write the one in their password as %40.
 */
export function* userinfoIn(text: string): Generator<Span> {
  let end = -1;
  let lastAt = -1;
  for (let at = text.indexOf('://'); at >= 0; ) {
    const from = at + 3;
    // Found once for all `://` of a word, or a long word of them would be read again from each.
    if (from > end) {
      end = urlEnd(text, from);
      lastAt = text.slice(from, end).lastIndexOf('@') + from;
    }
    const to = /[a-z\d]/i.test(text[at - 1] ?? '') ? userinfoEnd(text, from, end, lastAt) : from;
    if (to > from) yield [from, to];
    at = text.indexOf('://', to);
  }
}

/** A quote within a word is part of a password, as in `it's`. */
const URL_END = /[\s"`<>]|'(?!\w)/g;
function urlEnd(text: string, from: number): number {
  URL_END.lastIndex = from;
  return URL_END.exec(text)?.index ?? text.length;
}

const AUTHORITY = /[^/?#\s"`<>]*/y;
const HOST = /^(?:\[[\da-f:.]*\]|[^:@[\]]+)(?::\d{0,5})?$/i;

/** A password in base64 holds slashes; a path, too, may hold an @. */
function userinfoEnd(text: string, from: number, end: number, lastAt: number): number {
  if (lastAt < from) return from;
  AUTHORITY.lastIndex = from;
  const authority = AUTHORITY.exec(text)![0].slice(0, end - from);
  // `host` or `host:port`: what follows is a path.
  if (HOST.test(authority)) return from;
  const [colon, first] = [authority.indexOf(':'), authority.indexOf('@')];
  const hasPassword = colon >= 0 && (first < 0 || colon < first);
  return hasPassword ? lastAt : Math.max(from, from + authority.lastIndexOf('@'));
}

const SEPARATOR = /[:=]/g;
/** Of `=>` and `:=` the rest, then blanks, then the opening quote with what escapes it. */
const OPENING = /[=>]?[ \t]*(?:(\\*)(["'`]))?/y;

/** `password=…`, `"token": "…"`, `API_TOKEN: …`, `Cookie: a=…; b=…`, however much the quotes are escaped. */
export function* namedIn(text: string): Generator<Span> {
  // Not the shared one's lastIndex: whoever takes the spans may search, too.
  const separator = new RegExp(SEPARATOR);
  for (let match = separator.exec(text); match !== null; match = separator.exec(text)) {
    const at = match.index;
    const name = nameBefore(text, at);
    // `token == undefined` compares.
    if (!isSecretName(name.text) || (match[0] === '=' && text[at + 1] === '=')) continue;
    OPENING.lastIndex = at + 1;
    const [, escapes = '', quote] = OPENING.exec(text)!;
    const from = OPENING.lastIndex;
    let to: number;
    if (quote !== undefined) to = quotedEnd(text, from, quote, escapes.length);
    else if (HEADER.test(name.text)) to = lineEnd(text, from, name.quote);
    else if (match[0] === ':' && isJsonWord(text, from)) to = from;
    else to = bareEnd(text, from);
    if (to > from) yield [from, to];
    // What was hidden is not looked at again, so an end that is not there is searched for once.
    separator.lastIndex = Math.max(from, to);
  }
}

/** These hold several words, and quotes of their own. */
const HEADER = /(?:authorization|cookie)$/i;

/** The name that ends before `at`, and the quote that opens before it and is not closed after it. */
function nameBefore(text: string, at: number): { text: string; quote: string | undefined } {
  const end = backOver(/[ \t"'`\\\]]/, text, at, 8);
  let start = backOver(/[\w.-]/, text, end, LONGEST_NAME);
  // `api key: …` is the only one that people write as two words.
  if (text[start - 1] === ' ' && /^keys?$/i.test(text.slice(start, end)))
    start = backOver(/\w/, text, start - 1, LONGEST_NAME);
  const quote = /["'`]/.exec(text[start - 1] ?? '')?.[0];
  const isClosed = quote !== undefined && text.slice(end, at).includes(quote);
  return { text: text.slice(start, end), quote: isClosed ? undefined : quote };
}

/** The start of the run of such characters that ends before `end`; at most so many are looked at. */
function backOver(kind: RegExp, text: string, end: number, most: number): number {
  let start = end;
  while (start > 0 && end - start < most && kind.test(text[start - 1]!)) start -= 1;
  return start;
}

function lineEnd(text: string, from: number, quote: string | undefined): number {
  const ends = new RegExp(`[\\r\\n${quote ?? ''}]`, 'g');
  ends.lastIndex = from;
  const end = ends.exec(text)?.index ?? text.length;
  // What escapes the quote goes with it.
  return text[end] === quote ? backOver(/\\/, text, end, end - from) : end;
}

/**
 * Where a value closes whose quote was opened after so many backslashes. One level of JSON strings further in, each
 * backslash is two and each quote has one more: 0, 1, 3, 7 of them. Fewer close the string around it.
 */
function quotedEnd(text: string, from: number, quote: string, escapes: number): number {
  for (let at = text.indexOf(quote, from); at >= 0; at = text.indexOf(quote, at + 1)) {
    const run = backOver(/\\/, text, at, at - from);
    const backslashes = at - run;
    if (backslashes < escapes) return run;
    const isApostrophe = quote === "'" && isWordChar(text[at + 1]);
    if (backslashes % (2 * (escapes + 1)) === escapes && !isApostrophe) return at - escapes;
  }
  return text.length;
}

/** `token:5,` tells of no secret; six digits and more may be one. */
const JSON_WORD = /(?:-?\d{1,5}(?:\.\d{1,20})?|true|false|null)[ \t]{0,4}[,}\]]/y;
function isJsonWord(text: string, from: number): boolean {
  JSON_WORD.lastIndex = from;
  return JSON_WORD.test(text);
}

/** A character that may end a value without quotes, if what follows is as after a value. */
const BREAK = /[\s"'`&;,([{)\]}]/g;
const AFTER: readonly [breaks: RegExp, after: RegExp][] = [
  // Another name and value, or nothing of the word.
  [/[&;,]/, /[\s"'`\\]|$|[\w.$-]{1,64}\\{0,7}["']?[ \t]{0,4}[:=]/y],
  [/[)\]}]/, /[\s)\]},;.:"'`&>|\\]|$/y],
  [/["'`]/, /\W|$/y],
];
/** What opens here belongs to the password, unless it opens an object: its names are looked at one by one. */
const OPENS_OBJECT = /[\s"'`)\]}]|$|[\w.$-]{1,64}[ \t]{0,4}[:=]/y;

function bareEnd(text: string, from: number): number {
  const breaks = new RegExp(BREAK);
  breaks.lastIndex = from;
  for (let match = breaks.exec(text); match !== null; match = breaks.exec(text)) {
    const [found] = match;
    const isOpening = /[([{]/.test(found);
    if (/\s/.test(found)) return match.index;
    if (isOpening && match.index > from) continue;
    const after = isOpening ? OPENS_OBJECT : AFTER.find(([kind]) => kind.test(found))![1];
    after.lastIndex = breaks.lastIndex;
    // What escapes a quote goes with it.
    if (after.test(text)) return backOver(/\\/, text, match.index, match.index - from);
  }
  return text.length;
}
