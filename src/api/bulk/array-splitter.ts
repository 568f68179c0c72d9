import { type Found, ItemBytes, isBlank, type Splitter } from './splitter.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const NONE = Buffer.alloc(0);

/**
 * Where the scan is: before the array (opening), where an item or the end may come (first), where one must come
 * (value), in one (nested: object, array or string; plain: number or word), behind one (behind), behind the array
 * (closed), or where nothing can be told any more (broken).
 */
type State = 'opening' | 'first' | 'value' | 'nested' | 'plain' | 'behind' | 'closed' | 'broken';

/**
 * A JSON array: finds where each item ends, by its brackets and quotes. Whether an item is JSON is for others to see:
 * one that is not may end anywhere, so what comes behind it must not be trusted.
 */
export class ArraySplitter implements Splitter {
  readonly #item: ItemBytes;
  #chunk: Buffer = NONE;
  #at = 0;
  /** Where the part of the item begins that is in this chunk. */
  #from = 0;
  #state: State = 'opening';
  #depth = 0;
  #inString = false;
  #isEscaped = false;
  #index = -1;
  #ended = false;
  #fault = '';

  /** `limit`: bytes of an item at most. */
  constructor(limit: number) {
    this.#item = new ItemBytes(limit);
  }

  get number(): number {
    return this.#index;
  }

  get bytes(): number {
    return this.#item.length;
  }

  get fault(): string {
    return this.#fault;
  }

  feed(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#at = 0;
    this.#from = 0;
  }

  end(): void {
    this.#ended = true;
  }

  next(): Found {
    if (this.#item.isWhole) this.#item.clear();
    while (this.#at < this.#chunk.length) {
      if (this.#state === 'nested' ? this.#scanNested() : this.#step(this.#chunk[this.#at]!))
        return this.#complete();
      if (this.#state === 'broken') return 'broken';
    }
    return this.#ended ? this.#last() : this.#more();
  }

  text(): string | undefined {
    return this.#item.text();
  }

  /** Takes a byte that is in no string, object or array; true where an item ends before it. */
  #step(code: number): boolean {
    if (this.#state === 'plain') return this.#scanPlain(code);
    this.#at += 1;
    if (isBlank(code)) return false;
    switch (this.#state) {
      case 'opening':
        if (code === OPEN_ARRAY) this.#state = 'first';
        else this.#break('it does not begin with [');
        break;
      case 'first':
      case 'value':
        this.#begin(code);
        break;
      case 'behind':
        if (code === COMMA) this.#state = 'value';
        else if (code === CLOSE_ARRAY) this.#state = 'closed';
        else this.#break(`there is neither a comma nor the end behind item ${this.#index}`);
        break;
      default:
        this.#break('there is more behind its end');
    }
    return false;
  }

  #begin(code: number): void {
    if (code === CLOSE_ARRAY && this.#state === 'first') {
      this.#state = 'closed';
      return;
    }
    if (code === CLOSE_ARRAY || code === COMMA || code === CLOSE_OBJECT) {
      this.#break(`item ${this.#index + 1} is missing`);
      return;
    }
    this.#index += 1;
    this.#from = this.#at - 1;
    const opens = code === OPEN_OBJECT || code === OPEN_ARRAY;
    this.#state = opens || code === QUOTE ? 'nested' : 'plain';
    this.#depth = opens ? 1 : 0;
    this.#inString = code === QUOTE;
    this.#isEscaped = false;
  }

  /** A number or a word ends before what cannot be in it. */
  #scanPlain(code: number): boolean {
    if (code === COMMA || code === CLOSE_ARRAY || isBlank(code)) return true;
    this.#at += 1;
    return false;
  }

  /** True when the item ended with the byte before `#at`. */
  #scanNested(): boolean {
    while (this.#at < this.#chunk.length) {
      if (!this.#inString) {
        if (this.#scanBrackets()) return true;
      } else if (this.#scanString() && this.#depth === 0) return true;
    }
    return false;
  }

  /** To the end of the string; false when that is not in this chunk. */
  #scanString(): boolean {
    const chunk = this.#chunk;
    const { length } = chunk;
    let at = this.#at;
    if (this.#isEscaped && at < length) {
      this.#isEscaped = false;
      at += 1;
    }
    while (at < length) {
      const code = chunk[at]!;
      at += 1;
      if (code === BACKSLASH) at += 1;
      else if (code === QUOTE) {
        this.#inString = false;
        break;
      }
    }
    this.#isEscaped = at > length;
    this.#at = Math.min(at, length);
    return !this.#inString;
  }

  /** To the next string, or to the end of the item: then true. */
  #scanBrackets(): boolean {
    const chunk = this.#chunk;
    const { length } = chunk;
    let at = this.#at;
    let depth = this.#depth;
    while (at < length && depth > 0 && !this.#inString) {
      const code = chunk[at]!;
      at += 1;
      if (code === QUOTE) this.#inString = true;
      else if (code === OPEN_OBJECT || code === OPEN_ARRAY) depth += 1;
      else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) depth -= 1;
    }
    this.#at = at;
    this.#depth = depth;
    return depth === 0;
  }

  #complete(): Found {
    this.#item.complete(this.#chunk, this.#from, this.#at);
    this.#state = 'behind';
    return this.#item.isTooLong ? 'too long' : 'item';
  }

  #more(): Found {
    if (this.#isInItem) this.#item.gather(this.#chunk, this.#from, this.#chunk.length);
    this.feed(NONE);
    return 'more';
  }

  /** What is left at the end of the body: an item that is cut off is told first, then the array that is. */
  #last(): Found {
    if (this.#state === 'closed') return 'end';
    if (this.#isInItem) return this.#complete();
    if (this.#state !== 'broken') this.#break('it ends too early');
    return 'broken';
  }

  get #isInItem(): boolean {
    return this.#state === 'nested' || this.#state === 'plain';
  }

  #break(why: string): void {
    this.#state = 'broken';
    this.#fault = `the array is not JSON: ${why}`;
  }
}
