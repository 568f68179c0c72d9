/** The log of order-handlers.mjs, read as it grows: each line is one append, so they stand in the order in which it happened. */
import { closeSync, openSync, readSync } from 'node:fs';

/** A handler's start, how it ended, or when it heard that what it does no longer counts. */
export interface OrderRun {
  readonly what: 'start' | 'end' | 'fail' | 'abort';
  readonly id: string;
  /** By one clock of the machine, in ms. */
  readonly at: number;
  /** The owner's: one worker is one process. */
  readonly pid: number;
  readonly key: string;
  /** The job's place among those of its key, from 0. */
  readonly index: number;
  readonly partition: number;
  readonly fence: number;
  /** Which try of the job, from 1. */
  readonly attempt: number;
  /** Of its process: what tells two runs of one job apart. */
  readonly run: number;
  readonly epoch: number;
  readonly number: number;
}

/** A process did nothing from `from` to `at`: stopped, blocked by a handler, or without its share of the machine. */
export interface Standstill {
  readonly what: 'still';
  readonly pid: number;
  readonly from: number;
  readonly at: number;
}

/** A process was killed. */
export interface Death {
  readonly what: 'dead';
  readonly pid: number;
  readonly at: number;
}

export type OrderLine = OrderRun | Standstill | Death;

/** The first four columns are those of every ledger. */
function parseLine(line: string): OrderLine {
  const [what, id, at, pid, ...rest] = line.split(' ');
  const of = { at: Number(at), pid: Number(pid) };
  if (what === 'dead') return { what, ...of };
  if (what === 'still') return { what, ...of, from: Number(rest[0]) };
  const [key, ...numbers] = rest;
  const [index, partition, fence, attempt, run, epoch, number] = numbers.map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const place = { index, partition, fence, attempt, run, epoch, number };
  return { what: what as OrderRun['what'], id: id!, ...of, key: key!, ...place };
}

/** All lines of a text that are whole. */
export function parseLines(text: string): OrderLine[] {
  return text.split('\n').slice(0, -1).map(parseLine);
}

/** What OrderStage writes where it kills a process: nobody else can tell. */
export function deathLine(pid: number): string {
  return `dead - ${Date.now()} ${pid}\n`;
}

/** Reads only what is new: a soak's log has hundreds of thousands of lines. */
export class OrderLog {
  readonly #file: string;
  readonly #lines: OrderLine[] = [];
  #read = 0;

  constructor(file: string) {
    this.#file = file;
  }

  get lines(): readonly OrderLine[] {
    const text = this.#readMore();
    const end = text.lastIndexOf('\n') + 1;
    for (const line of parseLines(text.slice(0, end))) this.#lines.push(line);
    // It is all ASCII.
    this.#read += end;
    return this.#lines;
  }

  get starts(): readonly OrderRun[] {
    return this.lines.filter((line): line is OrderRun => line.what === 'start');
  }

  #readMore(): string {
    const file = openSync(this.#file, 'r');
    try {
      const parts: Buffer[] = [];
      for (let at = this.#read; ; ) {
        const part = Buffer.alloc(1 << 20);
        const length = readSync(file, part, 0, part.length, at);
        if (length === 0) return Buffer.concat(parts).toString('latin1');
        parts.push(part.subarray(0, length));
        at += length;
      }
    } finally {
      closeSync(file);
    }
  }
}
