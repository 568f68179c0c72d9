/** What a body is made of, found in it chunk by chunk: the two forms are line-splitter.ts and array-splitter.ts. */
import { isUtf8 } from 'node:buffer';

/**
 * `item`: it is there to be read. `too long`: it was skipped. `broken`: where it ends cannot be told, nor what follows
 * (`fault` says why). `more`: feed the next chunk. `end`: that was all.
 */
export type Found = 'item' | 'too long' | 'broken' | 'more' | 'end';

/** Asked for one item after the other, so that nobody need take more than there is room for. No I/O. */
export interface Splitter {
  /** Of what was found last: its line, counted from 1, or its index, from 0. */
  readonly number: number;
  /** The length of what was found. */
  readonly bytes: number;
  readonly fault: string;
  /** Only when `next` said `more`. The chunk is read until it says so again. */
  feed(chunk: Buffer): void;
  /** There are no more chunks: said at any time, even while the last is not read to its end. */
  end(): void;
  next(): Found;
  /** What was found; undefined when it is not UTF-8. */
  text(): string | undefined;
}

const NONE = Buffer.alloc(0);
/** What one long item needed is not kept for all that follow. */
const KEPT_BYTES = 64 * 1024;

/** The bytes of one item: a part of the chunk, or gathered where it lies in several. Copied, so that none is held. */
export class ItemBytes {
  readonly #limit: number;
  #gathered: Buffer = NONE;
  #length = 0;
  #source: Buffer = NONE;
  #start = 0;
  #end = 0;
  #tooLong = false;
  #isWhole = false;

  /** Bytes of an item at most. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get length(): number {
    return this.#end - this.#start;
  }

  /** Whether a part of an item is held. */
  get begun(): boolean {
    return this.#length > 0 || this.#tooLong;
  }

  /** Whether it was completed, and not cleared since. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Of a whole one: whether it was too long to be kept. */
  get isTooLong(): boolean {
    return this.#tooLong || this.length > this.#limit;
  }

  /** A part of an item that goes on in the next chunk. */
  gather(chunk: Buffer, start: number, end: number): void {
    if (this.#tooLong || start === end) return;
    const length = this.#length + end - start;
    // One more: a line may end with a carriage return, which is not counted.
    if (length > this.#limit + 1) return this.#skip();
    if (length > this.#gathered.length) this.#grow(length);
    chunk.copy(this.#gathered, this.#length, start, end);
    this.#length = length;
  }

  /** The last part of an item, or the whole. */
  complete(chunk: Buffer, start: number, end: number): void {
    this.#isWhole = true;
    if (this.begun) {
      this.gather(chunk, start, end);
      [this.#source, this.#start, this.#end] = [this.#gathered, 0, this.#length];
    } else {
      this.#source = chunk;
      this.#start = start;
      this.#end = end;
    }
  }

  /** Leaves out `code` at the end. */
  trimEnd(code: number): void {
    if (this.#end > this.#start && this.#source[this.#end - 1] === code) this.#end -= 1;
  }

  isBlank(): boolean {
    for (let at = this.#start; at < this.#end; at += 1) if (!isBlank(this.#source[at]!)) return false;
    return !this.#tooLong;
  }

  text(): string | undefined {
    const text = this.#source.toString('utf8', this.#start, this.#end);
    // What is not UTF-8 becomes U+FFFD; so does U+FFFD itself.
    const isSound = !text.includes('\ufffd') || isUtf8(this.#source.subarray(this.#start, this.#end));
    return isSound ? text : undefined;
  }

  clear(): void {
    this.#length = 0;
    this.#tooLong = false;
    this.#isWhole = false;
    this.#source = NONE;
    this.#start = 0;
    this.#end = 0;
    if (this.#gathered.length > KEPT_BYTES) this.#gathered = NONE;
  }

  #skip(): void {
    this.#tooLong = true;
    this.#gathered = NONE;
    this.#length = 0;
  }

  #grow(length: number): void {
    let size = Math.max(1_024, this.#gathered.length);
    while (size < length) size *= 2;
    const grown = Buffer.allocUnsafeSlow(size);
    this.#gathered.copy(grown, 0, 0, this.#length);
    this.#gathered = grown;
  }
}

/** Space, tab, line feed, carriage return: what JSON takes between values. */
export function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;
}
