/** What the handlers have written so far, read as it grows. */
import { closeSync, openSync, readSync } from 'node:fs';

/** One line of a handler. */
export interface Run {
  readonly what: 'start' | 'throw' | 'end';
  /** The job's number, from its args. */
  readonly id: number;
  /** `ctx.id`: the first jid, the same over hand-backs. */
  readonly jid: string;
  /** Of the clock on the wall, in ms. */
  readonly at: number;
  readonly pid: number;
}

export class RunsFile implements Disposable {
  readonly all: Run[] = [];
  /** Jobs that have ended at least once. */
  readonly executed = new Set<number>();
  readonly #fd: number;
  readonly #chunk = Buffer.alloc(1 << 20);
  #at = 0;
  #rest = '';

  constructor(file: string) {
    this.#fd = openSync(file, 'r');
  }

  /** Reads what has come since. */
  read(): void {
    for (;;) {
      const bytes = readSync(this.#fd, this.#chunk, 0, this.#chunk.length, this.#at);
      if (bytes === 0) return;
      this.#at += bytes;
      const lines = (this.#rest + this.#chunk.toString('latin1', 0, bytes)).split('\n');
      this.#rest = lines.pop()!;
      for (const line of lines) this.#add(runOf(line));
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  #add(run: Run): void {
    this.all.push(run);
    if (run.what === 'end') this.executed.add(run.id);
  }
}

export function runOf(line: string): Run {
  const [what, id, jid, at, pid] = line.split(' ');
  return { what: what as Run['what'], id: Number(id), jid: jid!, at: Number(at), pid: Number(pid) };
}
