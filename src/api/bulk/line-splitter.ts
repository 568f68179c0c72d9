import { type Found, ItemBytes, type Splitter } from './splitter.ts';

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const NONE = Buffer.alloc(0);

/** NDJSON: a line an item, whatever is in it. Blank lines count and are no items. The last need not end. */
export class LineSplitter implements Splitter {
  readonly fault = '';
  readonly #item: ItemBytes;
  #chunk: Buffer = NONE;
  #at = 0;
  #line: number;
  #ended = false;

  /** `limit`: bytes of a line at most; `before`: lines that came before its first chunk. */
  constructor(limit: number, before = 0) {
    this.#item = new ItemBytes(limit);
    this.#line = before;
  }

  get number(): number {
    return this.#line;
  }

  get bytes(): number {
    return this.#item.length;
  }

  feed(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  end(): void {
    this.#ended = true;
  }

  next(): Found {
    for (;;) {
      if (this.#item.isWhole) this.#item.clear();
      const end = this.#chunk.indexOf(LINE_FEED, this.#at);
      if (end === -1) return this.#rest();
      this.#item.complete(this.#chunk, this.#at, end);
      this.#at = end + 1;
      const found = this.#found();
      if (found !== undefined) return found;
    }
  }

  text(): string | undefined {
    return this.#item.text();
  }

  /** No line ends in what is left of the chunk. */
  #rest(): Found {
    this.#item.gather(this.#chunk, this.#at, this.#chunk.length);
    this.feed(NONE);
    if (!this.#ended) return 'more';
    if (!this.#item.begun) return 'end';
    this.#item.complete(NONE, 0, 0);
    return this.#found() ?? 'end';
  }

  /** What a whole line is; undefined when it is blank. */
  #found(): Found | undefined {
    this.#line += 1;
    this.#item.trimEnd(CARRIAGE_RETURN);
    if (this.#item.isBlank()) return undefined;
    return this.#item.isTooLong ? 'too long' : 'item';
  }
}
