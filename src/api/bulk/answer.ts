/** The answer of a bulk: what became of each item, in the form in which they came, and at last the sums. */
import { Readable } from 'node:stream';
import { cut } from '../../cut.ts';
import type { Problem } from '../problem.ts';
import type { Form } from './opening.ts';
import type { Place } from './outcomes.ts';

/** What is told at the end, so that an answer that was cut can be told from a whole one. */
export interface Summary {
  readonly stored: number;
  readonly failed: number;
  /** The line or index from which on nothing was tried, and why. */
  readonly stoppedAt?: number;
  readonly error?: { readonly code: string; readonly message: string };
}

/** Pure: text for each part. */
interface Writing {
  readonly type: string;
  readonly head: string;
  /** Before the number of an item. */
  readonly open: string;
  /** Between items, and behind each. */
  readonly separator: string;
  readonly terminator: string;
  close(summary: string): string;
}

const WRITINGS: Record<Form, Writing> = {
  lines: {
    type: 'application/x-ndjson; charset=utf-8',
    head: '',
    open: '{"line":',
    separator: '',
    terminator: '\n',
    close: (summary) => `${summary}\n`,
  },
  array: {
    type: 'application/json; charset=utf-8',
    head: '{"results":[',
    open: '{"index":',
    separator: ',\n',
    terminator: '',
    close: (summary) => `],${summary.slice(1)}`,
  },
};

/** What somebody's schema, or Faktory, has to say may be long. */
const MAX_MESSAGE = 1_000;

export class Answer {
  /** To be sent. Holds whatever is written; who writes looks at `heldBytes`. */
  readonly stream: Readable;
  readonly #writing: Writing;
  readonly #onlyFailed: boolean;
  #text: string;
  #any = false;
  #writtenBytes = 0;

  /** `onlyFailed`: leaves out the jobs that are stored. `onRoom` is called when most of it was read. */
  constructor(form: Form, onlyFailed: boolean, onRoom: () => void) {
    this.#writing = WRITINGS[form];
    this.#onlyFailed = onlyFailed;
    this.#text = this.#writing.head;
    this.stream = new Readable({ highWaterMark: 16 * 1024, read: onRoom });
  }

  get type(): string {
    return this.#writing.type;
  }

  /** Written and not given on. */
  get heldBytes(): number {
    return this.stream.readableLength;
  }

  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Characters that `flush` would write. */
  get gathered(): number {
    return this.#text.length;
  }

  tell({ number, jid, queue, problem }: Place): void {
    if (problem === undefined && this.#onlyFailed) return;
    const { open, separator, terminator } = this.#writing;
    if (this.#any) this.#text += separator;
    this.#any = true;
    // Names of queues and jids need no escapes: by Faktory's rules they hold none of what JSON escapes.
    if (problem === undefined) this.#text += `${open}${number},"jid":"${jid}","queue":"${queue}"}`;
    else this.#text += `${open}${number},"error":${textOf(problem)}}`;
    this.#text += terminator;
  }

  /** Hands on what was told. */
  flush(): void {
    if (this.#text === '') return;
    const bytes = Buffer.from(this.#text);
    this.#text = '';
    this.#writtenBytes += bytes.length;
    this.stream.push(bytes);
  }

  /** Tells the sums: the last that there is to read. */
  close(summary: Summary): void {
    this.#text += this.#writing.close(JSON.stringify(summary));
    this.flush();
  }

  end(): void {
    this.stream.push(null);
  }
}

/** What is undefined is left out. */
function textOf({ code, message, jid, faults }: Problem): string {
  const told = faults?.map((fault) => ({ path: shorten(fault.path), message: shorten(fault.message) }));
  return JSON.stringify({ code, message: shorten(message), jid, faults: told });
}

function shorten(text: string): string {
  return text.length <= MAX_MESSAGE ? text : `${cut(text, MAX_MESSAGE - 1)}…`;
}
