/**
 * The default export, as npm faktory-worker has it: one registry, one worker, for programs that need no more.
 *
 *     import faktory from 'millrace';
 *     faktory.register('add', ({ a, b }) => a + b);
 *     await faktory.work();
 */
import { Job, Mutation } from 'faktory-worker';
import { Client, type ClientOptions } from './client/client.ts';
import { MillraceError } from './errors.ts';
import type { JobInput } from './protocol/job.ts';
import type { Handler } from './worker/executor.ts';
import type { Middleware } from './worker/middleware.ts';
import type { WorkerOptions } from './worker/options.ts';
import { Worker } from './worker/worker.ts';

/** A registry of handlers and middleware, and the one worker that runs them. */
export class Faktory {
  /** What `register` has set, by jobtype. */
  readonly registry: Record<string, Handler> = Object.create(null);
  /** What `use` has added, in its order. */
  readonly middleware: Middleware[] = [];
  // npm faktory-worker's default export holds them, and `require('faktory-worker')` gives no other.
  readonly Worker = Worker;
  readonly Client = Client;
  readonly Job = Job;
  readonly Mutation = Mutation;
  readonly create = create;
  #worker: Worker | undefined;

  /** Sets the handler of a jobtype, for the next `work()`. */
  register(jobtype: string, handler: Handler): this {
    if (typeof handler !== 'function') throw new TypeError(`the handler of "${jobtype}" must be a function`);
    this.registry[jobtype] = handler;
    return this;
  }

  /** Adds middleware, for the next `work()`. */
  use(middleware: Middleware): this {
    if (typeof middleware !== 'function') throw new TypeError('a middleware must be a function');
    this.middleware.push(middleware);
    return this;
  }

  /** A client that has reached Faktory; rejects with what keeps it from it. */
  connect(options?: ClientOptions): Promise<Client> {
    return new Client(options).connect();
  }

  /** Starts the worker; rejects with CLOSED while one is at work. */
  async work(options: WorkerOptions = {}): Promise<Worker> {
    if (this.#worker !== undefined)
      throw new MillraceError('CLOSED', 'work() was called before: stop() comes first');
    const registry = { ...this.registry, ...options.registry };
    const middleware = [...this.middleware, ...(options.middleware ?? [])];
    this.#worker = new Worker({ ...options, registry, middleware });
    return this.#worker.work();
  }

  /** Runs one job with its handler and middleware, and no Faktory: for tests. See Worker.perform. */
  perform(job: JobInput): Promise<unknown> {
    const worker = new Worker({ registry: this.registry, middleware: this.middleware, logger: false });
    return worker.perform(job);
  }

  /** Stops the worker, if there is one. */
  async stop(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.stop();
  }
}

/** Another registry beside the default one, for instance in a test. */
export function create(): Faktory {
  return new Faktory();
}

export default create();
