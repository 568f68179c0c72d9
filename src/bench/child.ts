/** A process of the bench, as its parent sees it: started, asked by IPC, ended. Its own side is in `serve.ts`. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { MillraceError } from '../errors.ts';

export interface Call {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

/** What comes back: the answer to a call, or something that the process tells by itself. */
export type Told =
  | { readonly id: number; readonly result?: unknown; readonly error?: string }
  | { readonly event: string; readonly value: unknown };

/** Of a process, counted from its start. */
export interface Usage {
  /** By a clock of the process' own, in ms. */
  readonly at: number;
  readonly cpuMicros: number;
  /** How long its event loop was not idle, in ms. */
  readonly busyMs: number;
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** It is started by its constructor, and ends with `kill()`, or with its parent, however that ends. */
export class Child implements AsyncDisposable {
  readonly #role: string;
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  /** Its program is `<role>-process` beside `from`, a module's URL (default: this one). */
  constructor(
    role: string,
    onEvent: (event: string, value: unknown) => void = () => {},
    from: string = import.meta.url,
  ) {
    this.#role = role;
    // In the language of the module: dist/ has JavaScript.
    const ending = from.slice(from.lastIndexOf('.'));
    const file = fileURLToPath(new URL(`./${role}-process${ending}`, from));
    this.#process = fork(file, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#process.on('message', (told: Told) => {
      if ('event' in told) onEvent(told.event, told.value);
      else this.#answered(told);
    });
    this.#process.on('error', () => this.#lost());
    this.#process.on('exit', () => this.#lost());
  }

  /** Rejects with INTERNAL when the process could not do it, or has ended. */
  call<T>(method: string, ...args: readonly unknown[]): Promise<T> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#process.send({ id, method, args } satisfies Call, (error) => {
        if (error) this.#lost();
      });
    }) as Promise<T>;
  }

  /** Ends it at once. Safe to call twice. */
  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exit = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #answered({ id, result, error }: { id: number; result?: unknown; error?: string }): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new MillraceError('INTERNAL', `the ${this.#role} process of the bench: ${error}`));
  }

  #lost(): void {
    for (const { reject } of this.#waiting.values()) {
      reject(new MillraceError('INTERNAL', `the ${this.#role} process of the bench has ended`));
    }
    this.#waiting.clear();
  }
}

/** Part of a core, or of its event loop's time, whichever is more, between two moments. */
export function loadBetween(from: Usage, to: Usage): number {
  const ms = to.at - from.at;
  if (ms <= 0) return 0;
  return Math.max((to.cpuMicros - from.cpuMicros) / 1000, to.busyMs - from.busyMs) / ms;
}
