/** How a body begins: which of the two forms it has. */
import { ArraySplitter } from './array-splitter.ts';
import { LineSplitter } from './line-splitter.ts';
import { isBlank, type Splitter } from './splitter.ts';

/** `lines`: NDJSON, one envelope a line. `array`: a JSON array of envelopes. */
export type Form = 'lines' | 'array';

export interface Opened {
  readonly form: Form;
  /** Was fed the rest of the chunk. */
  readonly splitter: Splitter;
}

const LINE_FEED = 0x0a;
const OPEN_ARRAY = 0x5b;
/** Windows' editors begin files with it. */
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/** The content types that say NDJSON; any other is not believed, the first byte is (curl -d says it sends a form). */
const LINES = new Set([
  'application/x-ndjson',
  'application/ndjson',
  'application/jsonl',
  'application/x-jsonlines',
]);

/** The form that a content type demands, if it does. */
export function formOf(contentType: string | undefined): Form | undefined {
  const [type = ''] = (contentType ?? '').split(';');
  return LINES.has(type.trim().toLowerCase()) ? 'lines' : undefined;
}

/** Reads blanks until the first byte that is none. */
export class Opening {
  readonly #limit: number;
  readonly #demanded: Form | undefined;
  #markBytes = 0;
  #isPastMark = false;
  #lines = 0;

  /** `limit`: bytes of an item at most. */
  constructor(limit: number, demanded: Form | undefined) {
    this.#limit = limit;
    this.#demanded = demanded;
  }

  /** Undefined while there were only blanks. */
  read(chunk: Buffer): Opened | undefined {
    for (let at = 0; at < chunk.length; at += 1) {
      const code = chunk[at]!;
      if (this.#isOfMark(code)) continue;
      if (!isBlank(code)) return this.#open(code, chunk.subarray(at));
      if (code === LINE_FEED) this.#lines += 1;
    }
    return undefined;
  }

  #isOfMark(code: number): boolean {
    if (!this.#isPastMark && code === BYTE_ORDER_MARK[this.#markBytes]) {
      this.#markBytes += 1;
      return true;
    }
    this.#isPastMark = true;
    return false;
  }

  #open(code: number, rest: Buffer): Opened {
    const form = this.#demanded ?? (code === OPEN_ARRAY ? 'array' : 'lines');
    const splitter =
      form === 'array' ? new ArraySplitter(this.#limit) : new LineSplitter(this.#limit, this.#lines);
    // Half a mark is none: its bytes spoil the line that they are in.
    const isWhole = this.#markBytes === 0 || this.#markBytes === BYTE_ORDER_MARK.length;
    splitter.feed(
      isWhole ? rest : Buffer.concat([Buffer.from(BYTE_ORDER_MARK.slice(0, this.#markBytes)), rest]),
    );
    return { form, splitter };
  }
}
