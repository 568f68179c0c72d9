/** A Faktory of the kit with a client and workers of ours, ended together. */
import { Client } from '../../src/client/client.ts';
import { type StartFaktoryOptions, startFaktory, type TestFaktory } from '../../src/testing/index.ts';
import type { WorkerOptions } from '../../src/worker/options.ts';
import { Worker } from '../../src/worker/worker.ts';

export class Kit implements AsyncDisposable {
  readonly faktory: TestFaktory;
  readonly client: Client;
  readonly #workers: Worker[] = [];

  static async start(options: StartFaktoryOptions = {}): Promise<Kit> {
    return new Kit(await startFaktory(options));
  }

  private constructor(faktory: TestFaktory) {
    this.faktory = faktory;
    this.client = new Client({ url: faktory.url, logger: false });
  }

  worker(options: WorkerOptions = {}): Worker {
    const worker = new Worker({ url: this.faktory.url, logger: false, trapSignals: false, ...options });
    this.#workers.push(worker);
    return worker;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.stop()));
    await this.client.close();
    await this.faktory.stop();
  }
}

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const DAY = 24 * 60 * MINUTE;
