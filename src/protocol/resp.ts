/**
 * Parser of Faktory's replies (the subset of RESP that it speaks: simple strings, errors, bulk strings, null).
 * Bytes in, replies out, no I/O: it may be fed in pieces cut anywhere.
 */
import { MillraceError } from '../errors.ts';
import { shown } from './shown.ts';

export const SIMPLE = 0;
export const ERROR = 1;
export const BULK = 2;
export const NULL = 3;
/** A bulk string over the bound: skipped as it streamed by, only its first bytes are kept. */
export const OVERSIZED = 4;
export type ReplyKind = typeof SIMPLE | typeof ERROR | typeof BULK | typeof NULL | typeof OVERSIZED;

/** Gets each reply once, in the order of the wire. `text` has neither the type byte nor the line's end. */
export type OnReply = (kind: ReplyKind, text: string) => void;

/** A line of a reply that is longer than this is no Faktory's. */
const MAX_LINE_BYTES = 64 * 1024;
/** How much of an oversized bulk string is kept: a job's jid stands near its head. */
const HEAD_BYTES = 16 * 1024;

const LF = 10;
const CR = 13;
const ZERO = 48;
const NINE = 57;

export class ReplyParser {
  readonly #onReply: OnReply;
  readonly #maxBulkBytes: number;
  /** The start of a line whose end has not come yet. */
  #partialLine: Buffer | null = null;
  /** Of the bulk string being gathered: the pieces so far, its length, and the bytes still missing. */
  #pieces: Buffer[] = [];
  #bulkBytes = 0;
  #missing = 0;
  #kept = 0;

  /** `maxBulkBytes` bounds what one reply may hold in memory (default 64 MiB). */
  constructor(onReply: OnReply, maxBulkBytes = 64 * 1024 * 1024) {
    this.#onReply = onReply;
    this.#maxBulkBytes = maxBulkBytes;
  }

  /** Takes the next bytes; throws PROTOCOL_VIOLATION for what is no reply, and is of no use afterwards. */
  push(input: Buffer): void {
    let bytes = input;
    let at = 0;
    if (this.#missing > 0) {
      at = this.#continueBulk(bytes);
    } else if (this.#partialLine !== null) {
      bytes = Buffer.concat([this.#partialLine, bytes]);
      this.#partialLine = null;
    }
    while (at < bytes.length) {
      const end = bytes.indexOf(LF, at);
      if (end === -1 || end - at > MAX_LINE_BYTES) {
        if (bytes.length - at > MAX_LINE_BYTES) throw violation('a line without an end', bytes, at);
        this.#partialLine = Buffer.from(bytes.subarray(at));
        return;
      }
      at = this.#line(bytes, at, end);
    }
  }

  /** Handles the line from `at` to the LF at `end`; returns where the next one starts. */
  #line(bytes: Buffer, at: number, end: number): number {
    const stop = end > at && bytes[end - 1] === CR ? end - 1 : end;
    switch (bytes[at]) {
      case 0x24: // $
        return this.#bulk(bytes, at + 1, stop, end + 1);
      case 0x2b: // +
        this.#onReply(SIMPLE, bytes.toString('utf8', at + 1, stop));
        return end + 1;
      case 0x2d: // -
        this.#onReply(ERROR, bytes.toString('utf8', at + 1, stop));
        return end + 1;
      default:
        throw violation('a reply of an unknown type', bytes, at);
    }
  }

  #bulk(bytes: Buffer, at: number, stop: number, body: number): number {
    if (stop - at === 2 && bytes[at] === 0x2d && bytes[at + 1] === 0x31) {
      this.#onReply(NULL, '');
      return body;
    }
    const length = readLength(bytes, at, stop);
    const next = body + length + 2;
    if (next <= bytes.length && length <= this.#maxBulkBytes) {
      if (bytes[next - 2] !== CR || bytes[next - 1] !== LF)
        throw violation('a bulk string without an end', bytes, at);
      this.#onReply(BULK, bytes.toString('utf8', body, body + length));
      return next;
    }
    this.#bulkBytes = length;
    this.#missing = length + 2;
    this.#kept = 0;
    return this.#continueBulk(bytes, body);
  }

  /** Adds bytes to the bulk string being gathered; returns where the next line starts. */
  #continueBulk(bytes: Buffer, from = 0): number {
    const taken = Math.min(this.#missing, bytes.length - from);
    const oversized = this.#bulkBytes > this.#maxBulkBytes;
    const limit = oversized ? Math.min(HEAD_BYTES, this.#bulkBytes) : Number.POSITIVE_INFINITY;
    const kept = Math.min(taken, limit - this.#kept);
    if (kept > 0) this.#pieces.push(bytes.subarray(from, from + kept));
    this.#kept += kept;
    this.#missing -= taken;
    if (this.#missing === 0) this.#endBulk();
    return from + taken;
  }

  #endBulk(): void {
    const pieces = this.#pieces;
    this.#pieces = [];
    const whole = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    if (this.#bulkBytes > this.#maxBulkBytes) {
      this.#onReply(OVERSIZED, whole.toString('utf8'));
      return;
    }
    if (whole[whole.length - 2] !== CR || whole[whole.length - 1] !== LF) {
      throw violation('a bulk string without an end', whole, 0);
    }
    this.#onReply(BULK, whole.toString('utf8', 0, this.#bulkBytes));
  }
}

function readLength(bytes: Buffer, at: number, stop: number): number {
  if (stop <= at || stop - at > 12) throw violation('a bulk string of no length', bytes, at);
  let length = 0;
  for (let i = at; i < stop; i += 1) {
    const digit = bytes[i]!;
    if (digit < ZERO || digit > NINE) throw violation('a bulk string of no length', bytes, at);
    length = length * 10 + (digit - ZERO);
  }
  return length;
}

function violation(what: string, bytes: Buffer, at: number): MillraceError {
  const quoted = JSON.stringify(shown(bytes.toString('latin1', at, at + 1_024), 32));
  return new MillraceError('PROTOCOL_VIOLATION', `the peer is no Faktory: ${what}, at ${quoted}`);
}
