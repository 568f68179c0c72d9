/** A program of this folder, in a process of its own. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export type ServerName = 'bare' | 'pooled' | 'millrace';

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

export class Program implements AsyncDisposable {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #lastId = 0;

  constructor(name: ServerName | 'shooter') {
    this.#name = name;
    const file = fileURLToPath(new URL(`./${name}.mjs`, import.meta.url));
    this.#child = fork(file, { execArgv: [], env: { PATH: process.env.PATH } });
    this.#child.on('message', ({ id, value, error }: Answer) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(new Error(`${name}: ${error}`));
    });
    this.#child.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`${this.#name} has ended`));
      this.#waiting.clear();
    });
  }

  ask<T>(what: string, ...args: readonly unknown[]): Promise<T> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, what, args });
    }) as Promise<T>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }
}
