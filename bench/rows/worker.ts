/** The worker of the rows, as its parent sees it: see worker.mjs. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { WorkerOptions, WorkerStats } from 'millrace';

interface Answers {
  start: undefined;
  done: number;
  stats: WorkerStats;
  cpuMicros: number;
  memory: { held: number; rss: number };
  watchFetches: undefined;
  /** The most at one moment, in all and by fetch lane. */
  mostFetches: { outstanding: number; perLane: number };
  stop: undefined;
}

type Told = { id: number; value?: unknown; error?: string } | { event: 'stamp'; value: number };

const PROGRAM = fileURLToPath(new URL('./worker.mjs', import.meta.url));

/** A process of its own, for as long as its scope. */
export class RowWorker implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  readonly #onStamp: (ms: number) => void;
  #lastId = 0;

  private constructor(options: WorkerOptions, onStamp: (ms: number) => void) {
    this.#onStamp = onStamp;
    this.#child = fork(PROGRAM, {
      execArgv: ['--expose-gc'],
      env: { PATH: process.env.PATH, ORDER: JSON.stringify(options) },
    });
    this.#child.on('message', (told: Told) => this.#hear(told));
    this.#child.on('exit', () => this.#lost());
  }

  /** Resolves when it has said HELLO. `onStamp`: ms from the `clock()` that a job `stamp` carries to its handler. */
  static async start(options: WorkerOptions, onStamp: (ms: number) => void = () => {}): Promise<RowWorker> {
    const worker = new RowWorker(options, onStamp);
    try {
      await worker.ask('start');
    } catch (error) {
      await worker.#kill();
      throw error;
    }
    return worker;
  }

  ask<W extends keyof Answers>(what: W): Promise<Answers[W]> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, what });
    }) as Promise<Answers[W]>;
  }

  /** Stopped, not killed: FETCHes left behind would take the jobs of the next measurement. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.ask('stop').catch(() => {});
    await this.#kill();
  }

  #hear(told: Told): void {
    if ('event' in told) {
      this.#onStamp(told.value);
      return;
    }
    const waiting = this.#waiting.get(told.id);
    this.#waiting.delete(told.id);
    if (told.error === undefined) waiting?.resolve(told.value);
    else waiting?.reject(new Error(told.error));
  }

  #lost(): void {
    for (const { reject } of this.#waiting.values()) reject(new Error('the worker of a row has ended'));
    this.#waiting.clear();
  }

  async #kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }
}

/** Of all processes of a machine, in ms. */
export const clock = (): number => Number(process.hrtime.bigint() / 1_000n) / 1_000;
