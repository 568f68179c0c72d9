/** Splits a byte stream into lines, as they arrive, with a bound on each. */
import { StringDecoder } from 'node:string_decoder';

export interface Line {
  /** From 1. */
  readonly number: number;
  /** Undefined where the line is too long to be kept. */
  readonly text: string | undefined;
}

/** Of one line, in characters: what does not fit into a job must not fill the memory. */
const MAX_LINE = 16 * 1024 * 1024;

/**
 * Yields, for every piece read, the lines that it completed: so nobody waits for lines that are yet to come, and
 * nothing is read before the last ones were taken. Blank lines are left out, but counted.
 */
export async function* readLines(
  pieces: AsyncIterable<Buffer>,
  maxLine: number = MAX_LINE,
): AsyncGenerator<Line[]> {
  const splitter = new LineSplitter(maxLine);
  for await (const piece of pieces) yield splitter.push(piece);
  yield splitter.end();
}

class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  readonly #maxLine: number;
  #rest = '';
  #tooLong = false;
  #number = 0;

  constructor(maxLine: number) {
    this.#maxLine = maxLine;
  }

  push(piece: Buffer): Line[] {
    const lines: Line[] = [];
    const parts = this.#decoder.write(piece).split('\n');
    const last = parts.pop()!;
    for (const part of parts) this.#finish(part, lines);
    this.#keep(last);
    return lines;
  }

  end(): Line[] {
    const lines: Line[] = [];
    const last = this.#decoder.end();
    if (this.#rest !== '' || this.#tooLong || last !== '') this.#finish(last, lines);
    return lines;
  }

  #finish(part: string, lines: Line[]): void {
    this.#keep(part);
    this.#number += 1;
    const text = this.#rest;
    if (this.#tooLong) lines.push({ number: this.#number, text: undefined });
    else if (text.trim() !== '') lines.push({ number: this.#number, text });
    this.#rest = '';
    this.#tooLong = false;
  }

  #keep(part: string): void {
    if (this.#tooLong) return;
    this.#rest += part;
    if (this.#rest.length <= this.#maxLine) return;
    this.#rest = '';
    this.#tooLong = true;
  }
}
