/**
 * Reader of command lines, for the server's side of the wire: bytes in, lines out, no I/O. It may be fed in pieces
 * cut anywhere, also inside a character. Lines are pulled, since a connection that waits for a job takes none.
 */

const LF = 10;
/** A partial line longer than this is kept without a copy; a shorter one would pin the whole chunk it lies in. */
const COPY_BYTES = 16 * 1024;

export class LineReader {
  readonly #maxLineBytes: number;
  /** Decoded text that ends with LF, read up to `#at`. */
  #text = '';
  #at = 0;
  /** Whole lines that came while there was text left. */
  #later: Buffer[] = [];
  #laterBytes = 0;
  /** The start of a line whose end has not come yet. */
  #partial: Buffer[] = [];
  #partialBytes = 0;

  /** `maxLineBytes` bounds what a line without an end may hold in memory (default 256 MiB). */
  constructor(maxLineBytes = 256 * 1024 * 1024) {
    this.#maxLineBytes = maxLineBytes;
  }

  /** What has come and was not pulled yet, in characters or bytes. */
  get pending(): number {
    return this.#text.length - this.#at + this.#laterBytes + this.#partialBytes;
  }

  /** Takes the next bytes; false when they make a line that is too long to go on with. */
  push(bytes: Buffer): boolean {
    const last = bytes.lastIndexOf(LF);
    if (last === -1) return this.#keep(bytes);
    let whole = bytes.subarray(0, last + 1);
    if (this.#partialBytes > 0) {
      whole = Buffer.concat([...this.#partial, whole]);
      this.#partial = [];
      this.#partialBytes = 0;
    }
    if (this.#at === this.#text.length) {
      this.#text = whole.toString('utf8');
      this.#at = 0;
    } else {
      this.#later.push(whole);
      this.#laterBytes += whole.length;
    }
    return last + 1 === bytes.length || this.#keep(bytes.subarray(last + 1));
  }

  /** The next line, without its LF or CRLF; undefined when there is no whole one. */
  next(): string | undefined {
    if (this.#at === this.#text.length && !this.#refill()) return undefined;
    const end = this.#text.indexOf('\n', this.#at);
    const stop = end > this.#at && this.#text.charCodeAt(end - 1) === 13 ? end - 1 : end;
    const line = this.#text.slice(this.#at, stop);
    this.#at = end + 1;
    return line;
  }

  #refill(): boolean {
    if (this.#laterBytes === 0) {
      this.#text = '';
      this.#at = 0;
      return false;
    }
    const bytes = this.#later.length === 1 ? this.#later[0]! : Buffer.concat(this.#later);
    this.#later = [];
    this.#laterBytes = 0;
    this.#text = bytes.toString('utf8');
    this.#at = 0;
    return true;
  }

  #keep(bytes: Buffer): boolean {
    this.#partial.push(bytes.length < COPY_BYTES ? Buffer.from(bytes) : bytes);
    this.#partialBytes += bytes.length;
    return this.#partialBytes <= this.#maxLineBytes;
  }
}
