/**
 * Reads JSON as a service must that passes it on: what `JSON.parse` would change without a word is refused, with the
 * path of the fault. Of two equal keys it keeps the last; a whole number beyond 2^53 becomes another one, and 1e999
 * Infinity, which travels as null; `__proto__` is a key that poisons whoever copies it.
 */

/** Where it is, as in JavaScript, from the body: `body[3].id`. */
export interface TextFault {
  readonly path: string;
  readonly message: string;
}

/** Arrays and objects in one another. Beyond, Faktory's clients in other languages give up. */
const MAX_DEPTH = 100;

const NUMBER = /-?\d+(\.\d+)?([eE][+-]?\d+)?/y;

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

/** The first fault of a text that `JSON.parse` takes; undefined when it means what it says. */
export function faultOf(text: string): TextFault | undefined {
  return new Scan(text).run();
}

/** One walk through a text: what is wrong is told by the method that comes upon it. */
class Scan {
  readonly #text: string;
  readonly #open: Frame[] = [];
  #at = 0;
  /** Whether a string that comes now is a key. */
  #awaitsKey = false;

  constructor(text: string) {
    this.#text = text;
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
    if (this.#open.length === MAX_DEPTH) return `it is nested over ${MAX_DEPTH} deep`;
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
    if (!this.#awaitsKey) return undefined;
    this.#awaitsKey = false;
    const quoted = this.#text.slice(start, this.#at);
    return this.#takeKey(quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1));
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

/** After the closing quote. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return end + 1;
  }
}

/** Fractions are rounded to the nearest that can be kept, which everyone expects; whole numbers must stay. */
function isKept([literal, fraction, exponent]: RegExpExecArray): boolean {
  if (literal.length < 16 && exponent === undefined) return true;
  const value = Number(literal);
  return (
    Number.isFinite(value) &&
    (fraction !== undefined || exponent !== undefined || Number.isSafeInteger(value))
  );
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
  return text.length <= 100 ? text : `${text.slice(0, 97)}…`;
}
