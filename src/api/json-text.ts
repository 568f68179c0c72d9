/**
 * Reads JSON as a service must that passes it on: what `JSON.parse` would change without a word is refused, with the
 * path of the fault. Of two equal keys it keeps the last; a whole number beyond 2^53 becomes another one, 1e-999 zero,
 * and 1e999 Infinity, which travels as null; half a surrogate pair ("\ud800") becomes U+FFFD on its way to Faktory;
 * `__proto__` is a key that poisons whoever copies it.
 */
import { cut } from '../cut.ts';

/** Where it is, as in JavaScript, from the body: `body[3].id`. */
export interface TextFault {
  readonly path: string;
  readonly message: string;
}

/** Arrays and objects in one another. Beyond, Faktory's clients in other languages give up. */
const MAX_DEPTH = 100;

const TOO_DEEP = `it is nested over ${MAX_DEPTH} deep`;
/** What is shorter is parsed sooner than looked through. */
const DEEP_LENGTH = 4_096;

const NUMBER = /-?\d+(\.\d+)?([eE][+-]?\d+)?/y;
/** Escapes of surrogates: only these can make half a pair of what came as UTF-8. */
const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/;
const HALF_A_PAIR = /\p{Surrogate}/u;

/** An object (its keys, and the last of them) or an array that is open where the scan is. */
type Frame = ObjectFrame | ArrayFrame;
interface ObjectFrame {
  readonly keys: Set<string>;
  key: string | undefined;
}
interface ArrayFrame {
  readonly keys?: undefined;
  index: number;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** What must not even be parsed, JSON or not: a million brackets cost the parser a quarter of a second. */
export function depthFaultOf(text: string): TextFault | undefined {
  if (text.length <= DEEP_LENGTH) return undefined;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at) - 1;
      // It does not end: the parser says so.
      if (at < 0) return undefined;
    } else if (code === OPEN_ARRAY || code === OPEN_OBJECT) {
      depth += 1;
      if (depth > MAX_DEPTH) return { path: 'body', message: TOO_DEEP };
    } else if (code === CLOSE_ARRAY || code === CLOSE_OBJECT) depth -= 1;
  }
  return undefined;
}

/** The first fault of a text that `JSON.parse` takes; undefined when it means what it says. */
export function faultOf(text: string): TextFault | undefined {
  return new Scan(text).run();
}

/** One walk through a text: what is wrong is told by the method that comes upon it. */
class Scan {
  readonly #text: string;
  readonly #mayHoldHalves: boolean;
  readonly #open: Frame[] = [];
  #at = 0;
  /** Whether a string that comes now is a key. */
  #awaitsKey = false;

  constructor(text: string) {
    this.#text = text;
    this.#mayHoldHalves = text.includes('\\u') && SURROGATE_ESCAPE.test(text);
  }

  run(): TextFault | undefined {
    while (this.#at < this.#text.length) {
      const message = this.#take(this.#text.charCodeAt(this.#at));
      if (message !== undefined) return { path: shorten(pathOf(this.#open)), message };
    }
    return undefined;
  }

  #take(code: number): string | undefined {
    switch (code) {
      case QUOTE:
        return this.#takeString();
      case OPEN_OBJECT:
        return this.#enter({ keys: new Set(), key: undefined });
      case OPEN_ARRAY:
        return this.#enter({ index: 0 });
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        this.#open.pop();
        this.#awaitsKey = false;
        break;
      case COMMA:
        this.#next();
        break;
      default:
        if (code === MINUS || (code >= DIGIT_0 && code <= DIGIT_9)) return this.#takeNumber();
    }
    this.#at += 1;
    return undefined;
  }

  #enter(frame: Frame): string | undefined {
    if (this.#open.length === MAX_DEPTH) return TOO_DEEP;
    this.#open.push(frame);
    this.#awaitsKey = frame.keys !== undefined;
    this.#at += 1;
    return undefined;
  }

  #next(): void {
    const frame = this.#open.at(-1)!;
    if (frame.keys === undefined) frame.index += 1;
    else this.#awaitsKey = true;
  }

  #takeString(): string | undefined {
    const start = this.#at;
    this.#at = endOfString(this.#text, start);
    const isKey = this.#awaitsKey;
    if (!isKey && !this.#mayHoldHalves) return undefined;
    this.#awaitsKey = false;
    const quoted = this.#text.slice(start, this.#at);
    const text = quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
    const fault = isKey ? this.#takeKey(text) : undefined;
    if (fault !== undefined || !this.#mayHoldHalves || !HALF_A_PAIR.test(text)) return fault;
    return `the ${isKey ? 'key' : 'text'} holds half of a surrogate pair, which is no character`;
  }

  #takeKey(key: string): string | undefined {
    const frame = this.#open.at(-1) as ObjectFrame;
    frame.key = key;
    if (frame.keys.has(key)) return 'the key is there twice: only one of the two could be kept';
    frame.keys.add(key);
    if (key === '__proto__') return 'the key "__proto__" is refused';
    const outer = this.#open.at(-2);
    if (key === 'prototype' && outer?.keys !== undefined && outer.key === 'constructor')
      return 'the key "prototype" of "constructor" is refused';
    return undefined;
  }

  #takeNumber(): string | undefined {
    NUMBER.lastIndex = this.#at;
    const number = NUMBER.exec(this.#text)!;
    this.#at = NUMBER.lastIndex;
    if (isKept(number)) return undefined;
    return `the number ${shorten(number[0])} cannot be kept exactly: send it as a string`;
  }
}

/** After the closing quote; 0 where there is none. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return end + 1;
  }
}

/**
 * Fractions are rounded to the nearest that can be kept, which everyone expects; whole values must stay, however they
 * are written. Beyond 2^53 those are taken that say by an exponent that they are no counts, if they come out as they
 * came in (6.022e23).
 */
function isKept([literal, , exponent]: RegExpExecArray): boolean {
  if (literal.length < 16 && exponent === undefined) return true;
  const value = Number(literal);
  if (value === 0) return !/^[^eE]*[1-9]/.test(literal);
  if (!Number.isInteger(value)) return Number.isFinite(value);
  return (
    Number.isSafeInteger(value) || (exponent !== undefined && decimalOf(literal) === decimalOf(String(value)))
  );
}

/** The same for all ways to write a number: its digits from the first to the last that is not 0, and their place. */
function decimalOf(literal: string): string {
  const [, sign, whole, fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE](.+))?$/.exec(
    literal,
  )!;
  const all = `${whole}${fraction}`.replace(/^0+/, '');
  const digits = trimZeros(all);
  return `${sign}${digits}e${Number(exponent) - fraction.length + all.length - digits.length}`;
}

/** Not by a pattern: of very many zeros before another digit it would try each as the first of the last. */
function trimZeros(digits: string): string {
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === DIGIT_0) end -= 1;
  return digits.slice(0, end);
}

function pathOf(open: readonly Frame[]): string {
  return open.reduce((path, frame) => path + stepOf(frame), 'body');
}

function stepOf(frame: Frame): string {
  if (frame.keys === undefined) return `[${frame.index}]`;
  if (frame.key === undefined) return '';
  return /^[A-Za-z_$][\w$]{0,99}$/.test(frame.key)
    ? `.${frame.key}`
    : `[${JSON.stringify(shorten(frame.key))}]`;
}

function shorten(text: string): string {
  return text.length <= 100 ? text : `${cut(text, 97)}…`;
}
