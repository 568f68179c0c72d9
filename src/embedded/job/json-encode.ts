/**
 * JSON as Faktory writes it. A job passes through Go's decoder and encoder: keys come out sorted, `<`, `>` and `&`
 * escaped, numbers as doubles, half surrogates replaced.
 */
import { JsonError } from './json-decode.ts';

/** What Go's encoder escapes and JSON.stringify does not, or not in the same way. */
const UNLIKE = /[<>&\u2028\u2029\ud800-\udfff]/;
const EACH_UNLIKE = /[<>&\u2028\u2029]|\\ud[89a-f][0-9a-f]{2}/g;
const SIMPLE = /^[\w .:@/+-]*$/;

/** A string as a JSON literal. */
export function encodeString(text: string): string {
  return SIMPLE.test(text) ? `"${text}"` : likeGo(JSON.stringify(text));
}

function likeGo(json: string): string {
  if (!UNLIKE.test(json) && !json.includes('\\ud')) return json;
  return json.replace(EACH_UNLIKE, (found, at: number) => {
    if (found.length === 1) return `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`;
    return isEscaped(json, at) ? found : '\ufffd';
  });
}

/** Whether the backslash at `at` is itself escaped: `\\ud800` is text that looks like an escape. */
function isEscaped(json: string, at: number): boolean {
  let backslashes = 0;
  while (json[at - 1 - backslashes] === '\\') backslashes += 1;
  return backslashes % 2 === 1;
}

/** Go's decoder takes 10,000; ours stops where recursion is still safe. */
const MAX_DEPTH = 1000;

/** Any JSON value. An array of plain values, as most jobs have it, takes one call of JSON.stringify. */
export function encodeJson(value: unknown, depth = 0): string {
  if (typeof value === 'string') return encodeString(value);
  if (typeof value === 'number') return encodeNumber(value);
  if (typeof value !== 'object' || value === null) return String(value);
  if (depth > MAX_DEPTH) throw new JsonError('exceeded max depth');
  if (!Array.isArray(value)) return encodeObject(value as Record<string, unknown>, depth);
  if (value.every(isPlain)) return likeGo(JSON.stringify(value));
  return `[${value.map((item) => encodeJson(item, depth + 1)).join(',')}]`;
}

/** Whether JSON.stringify writes it as Go does. */
function isPlain(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0);
  return typeof value !== 'object' || value === null;
}

function encodeNumber(value: number): string {
  if (!Number.isFinite(value))
    throw new JsonError('json: cannot unmarshal number into Go struct field Job.args of type float64');
  return Object.is(value, -0) ? '-0' : String(value);
}

function encodeObject(value: Record<string, unknown>, depth: number): string {
  const keys = Object.keys(value);
  if (keys.length > 1) keys.sort(byCodePoint);
  let json = '{';
  for (const key of keys)
    json += `${json.length > 1 ? ',' : ''}${encodeString(key)}:${encodeJson(value[key], depth + 1)}`;
  return `${json}}`;
}

/** Go sorts by UTF-8 bytes, which is by code point; JavaScript by UTF-16 units, which differs beyond U+FFFF. */
function byCodePoint(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a.charCodeAt(at) === b.charCodeAt(at)) at += 1;
  return (a.codePointAt(at) ?? -1) - (b.codePointAt(at) ?? -1);
}

/** A string in double quotes as Go's %q prints it. */
export function quote(text: string): string {
  return JSON.stringify(text)
    .replace(/\\u00([01][0-9a-f])/g, '\\x$1')
    .replaceAll('\u007f', '\\x7f');
}
