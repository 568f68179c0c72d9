/**
 * Takes secrets out of text that leaves the process, in a log or in what a FAIL tells Faktory; pure. It knows their
 * usual shapes, and the values that the process was given.
 *
 * Every finder looks at the text as it came and tells what to hide, from where to where; what they tell is hidden in
 * one go. So none is misled by the stars of another. Of JSON only the strings are looked at, never keys, numbers or
 * what is between them: what was JSON stays so. All of it takes time linear in the text, whoever wrote that.
 */

const HIDDEN = '***';
/** From where to where; the end is not part of it. */
type Span = readonly [from: number, to: number];

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
  return isJson(text) ? redactJson(text) : redactPlain(text);
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

/** What says which job a line is about is shown whatever it looks like: a queue may be called as a password is. */
const SHOWN = new Set(['jid', 'jobtype', 'jobtypes', 'queue', 'queues', 'wid']);

/** How the strings of an object or array are treated: by the name that leads to them. */
type Treatment = 'shown' | 'hidden' | 'searched';

/** Where in the JSON the walk is. */
class Place {
  readonly #around: Treatment[] = [];
  /** Of the value that comes next. */
  treatment: Treatment = 'searched';

  enter(name: string): void {
    const around = this.#around.at(-1) ?? 'searched';
    if (around !== 'searched') this.treatment = around;
    else this.treatment = SHOWN.has(name) ? 'shown' : isSecretName(name) ? 'hidden' : 'searched';
  }

  bracket(token: string): void {
    if (token === '[') this.#around.push(this.treatment);
    else if (token === '{') this.#around.push(this.treatment === 'shown' ? 'searched' : this.treatment);
    else this.#around.pop();
    // The elements of an array go by the name of the array.
    this.treatment = this.#around.at(-1) ?? 'searched';
  }
}

/** A string, a bracket, or a number. */
const TOKEN = /["{}[\]]|-?\d[\d.eE+-]*/g;
/** A number this long under a secret's name is one; `"token":5` counts tokens. */
const SECRET_NUMBER = /^\d{6,}$/;

/** Goes from string to string, so that what stands between, and how it is written, is left as it is. */
function redactJson(text: string): string {
  const place = new Place();
  const tokens = new RegExp(TOKEN);
  let clean = '';
  let done = 0;
  for (let match = tokens.exec(text); match !== null; match = tokens.exec(text)) {
    const [token] = match;
    if (/[{}[\]]/.test(token)) {
      place.bracket(token);
      continue;
    }
    if (token !== '"') {
      if (place.treatment !== 'hidden' || !SECRET_NUMBER.test(token)) continue;
      clean += `${text.slice(done, match.index)}"${HIDDEN}"`;
      done = tokens.lastIndex;
      continue;
    }
    const end = closingQuote(text, match.index) + 1;
    tokens.lastIndex = end;
    const value = unquoted(text.slice(match.index, end));
    if (isKey(text, end)) {
      place.enter(value);
      continue;
    }
    const shown = treated(value, place.treatment);
    if (shown === value) continue;
    clean += text.slice(done, match.index) + JSON.stringify(shown);
    done = end;
  }
  return clean + text.slice(done);
}

function unquoted(json: string): string {
  return json.includes('\\') ? (JSON.parse(json) as string) : json.slice(1, -1);
}

function treated(value: string, treatment: Treatment): string {
  if (treatment === 'shown' || value === '') return value;
  return treatment === 'hidden' ? HIDDEN : redactPlain(value);
}

/** Where the JSON string that opens at `at` closes. */
function closingQuote(text: string, at: number): number {
  for (let i = at + 1; i < text.length; i += 1) {
    if (text[i] === '\\') i += 1;
    else if (text[i] === '"') return i;
  }
  return text.length;
}

const COLON = /\s*:/y;
function isKey(text: string, at: number): boolean {
  COLON.lastIndex = at;
  return COLON.test(text);
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

const isWordChar = (char: string | undefined): boolean => char !== undefined && /\w/.test(char);

/** `Bearer …` and `Basic …` wherever they stand, and private keys in PEM, as far as they go. */
const CREDENTIALS = /\b(?:bearer|basic)\s{1,8}([A-Za-z0-9._~+/=-]{6,})/dgi;
const PEM = /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----([\s\S]*?)(?:-----END|$)/dg;

const MAY_MATCH = /bearer|basic|-----BEGIN/i;

function* matchesIn(text: string): Generator<Span> {
  for (const shape of [CREDENTIALS, PEM])
    for (const { indices } of text.matchAll(shape)) yield indices![1] as Span;
}

/**
 * `scheme://user:password@host`: all of the userinfo, since a Faktory URL has its password alone there. It ends at
 * the last @ before a space or a quote: people forget to write the one in their password as %40.
 */
function* userinfoIn(text: string): Generator<Span> {
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
function* namedIn(text: string): Generator<Span> {
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
const LONGEST_NAME = 64;

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

/** A cheap look before names are looked for, and taken apart. */
const MAY_NAME = /pass|pwd|secret|token|key|credential|authorization|cookie|jwt/i;
const SECRET_WORD =
  /^(?:\w*(?:password|passwd|passphrase|passcode|secret)s?|\w*pwd(?:hash)?|(?:db|user|pg|smtp|root|admin|my)?pass|\w*token|\w*credentials?|\w*authorization|\w*cookie|jwt)$/;
/** A key is a secret where the word before it says so: there are primary keys, cache keys, and keys of maps. */
const KEY_OF =
  /^\w*(?:api|secret|private|access|auth|encryption|encrypt|signing|sign|master|account|shared|session|service|client|license|ssh|hmac|aes|rsa|deploy|admin|webhook)$/;
/** What is told *of* a secret: `token_type`, `passwordResetUrl`, `AWS_ACCESS_KEY_ID`. */
const INNOCENT_END =
  /^(?:ids?|names?|types?|kind|counts?|limits?|size|length|len|index|expiry|expires|expired|expiration|exp|ttl|age|at|in|on|url|uri|endpoint|path|file|dir|policy|valid|invalid|required|missing|version|field|header|min|max|attempts|status|state|errors?|reason|provider|manager|arn|ref|created|changed|updated|scope|algorithm|bucket|usage|used)$/;

/**
 * Whether what goes by this name is a secret. It goes by whole words, in any of the ways to join them: `secretKey`,
 * `AWS_SECRET_ACCESS_KEY`, `x-api-key`, `PGPASSWORD`; not `monkey`, `keyboard`, `tokens` (they are counted) or `key`.
 */
function isSecretName(name: string): boolean {
  if (!MAY_NAME.test(name)) return false;
  const parts = name.slice(-LONGEST_NAME).match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+/g) ?? [];
  const words = parts.map((word) => word.toLowerCase());
  if (INNOCENT_END.test(words.at(-1) ?? '')) return false;
  return words.some((word, i) => {
    if (SECRET_WORD.test(word)) return true;
    const key = /^(.*)keys?$/.exec(word);
    return key !== null && KEY_OF.test(key[1] === '' ? (words[i - 1] ?? '') : key[1]!);
  });
}
