import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { RelayOptions, RelayTarget, Side } from './relay.ts';
import type { RelayAnswer, RelayCall } from './relay-process-main.ts';
import { within } from './until.ts';

export interface RelayCounts {
  readonly connections: number;
  readonly accepted: number;
  readonly bytes: Record<Side, number>;
}

const MAIN = fileURLToPath(new URL('./relay-process-main.ts', import.meta.url));

/** Node 20 runs no TypeScript by itself. */
const TYPESCRIPT_LOADER = join(
  dirname(createRequire(import.meta.url).resolve('jiti/package.json')),
  'lib/jiti-register.mjs',
);

/**
 * Starts a relay in a process of its own, so that what is measured does not share an event loop with it. It ends
 * with `close()`, or with the process that started it, however that ends.
 */
export async function startRelayProcess(
  target: RelayTarget,
  options: Omit<RelayOptions, 'messages'> = {},
): Promise<RelayProcess> {
  const leadingTo = typeof target === 'string' ? target : { host: target.host, port: target.port };
  const child = fork(MAIN, [JSON.stringify({ target: leadingTo, options })], {
    execArgv: ['--import', pathToFileURL(TYPESCRIPT_LOADER).href],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const started = once(child, 'message') as Promise<[RelayAnswer]>;
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`the relay process exited with ${code} before it listened`);
  });
  failed.catch(() => {});
  const [{ result }] = await within(
    Promise.race([started, failed]),
    20_000,
    () => 'the relay process did not listen within 20 s',
  );
  return new RelayProcess(child, result as { port: number; url: string });
}

/** The methods of Relay, each answered when the relay has done it. Rules are for the relay in the test's process. */
export class RelayProcess implements AsyncDisposable {
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly url: string;
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  #lastId = 0;

  constructor(child: ChildProcess, { port, url }: { port: number; url: string }) {
    this.#child = child;
    this.port = port;
    this.url = url;
    this.pid = child.pid ?? 0;
    child.on('message', (answer: RelayAnswer) => this.#answered(answer));
    child.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the relay process has exited'));
      this.#waiting.clear();
    });
  }

  setDelay(delayMs: number, side?: Side): Promise<void> {
    return this.#call('setDelay', delayMs, side);
  }

  freeze(side?: Side): Promise<void> {
    return this.#call('freeze', side);
  }

  thaw(side?: Side): Promise<void> {
    return this.#call('thaw', side);
  }

  slice(bytes: number, side?: Side): Promise<void> {
    return this.#call('slice', bytes, side);
  }

  throttle(bytesPerSecond: number, side?: Side): Promise<void> {
    return this.#call('throttle', bytesPerSecond, side);
  }

  blackhole(on: boolean): Promise<void> {
    return this.#call('blackhole', on);
  }

  cut(options?: { reset?: boolean }): Promise<void> {
    return this.#call('cut', options);
  }

  refuse(on: boolean): Promise<void> {
    return this.#call('refuse', on);
  }

  counts(): Promise<RelayCounts> {
    return this.#call('counts');
  }

  /** Ends the process and with it all connections. Safe to call twice. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #call<T>(method: RelayCall['method'], ...args: unknown[]): Promise<T> {
    const id = ++this.#lastId;
    return new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      // JSON makes null of a missing argument, which no method of Relay expects.
      const given = args.filter((arg) => arg !== undefined);
      this.#child.send({ id, method, args: given } satisfies RelayCall, (error) => {
        if (error) reject(error);
      });
    }) as Promise<T>;
  }

  #answered({ id, result, error }: RelayAnswer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error !== undefined) waiting?.reject(new Error(error));
    else waiting?.resolve(result);
  }
}
