/** What tests of whole workers with results stand on: a Faktory, a client, and workers that write no log. */
import { afterEach, beforeEach } from 'vitest';
import { Client } from '../../../src/client/client.ts';
import type { Logger } from '../../../src/logger.ts';
import { startFaktory, type TestFaktory } from '../../../src/testing/test-faktory.ts';
import type { WorkerOptions } from '../../../src/worker/options.ts';
import { Worker } from '../../../src/worker/worker.ts';

/** Of the test that runs. */
export let faktory: TestFaktory;
export let client: Client;
/** They are stopped when it is over. */
export const workers: Worker[] = [];
/** What they have logged. */
export let lines: { text: string; fields: Record<string, unknown> }[] = [];

const keep = (fields: object, text: string): void => {
  lines.push({ text, fields: fields as Record<string, unknown> });
};
export const logger: Logger = { debug: keep, info: keep, warn: keep, error: keep };

/** Makes all that anew for each test of the file. */
export function staged(): void {
  beforeEach(async () => {
    lines = [];
    faktory = await startFaktory();
    client = new Client({ url: faktory.url, logger: false });
  });

  afterEach(async () => {
    faktory.faults.clear();
    await Promise.all(workers.splice(0).map((worker) => worker.stop()));
    await client.close();
    await faktory.stop();
  });
}

/** It fetches `default` and `sums`. */
export function newWorker(options: WorkerOptions = {}): Worker {
  const worker = new Worker({
    url: faktory.url,
    logger,
    trapSignals: false,
    queues: ['default', 'sums'],
    ...options,
  });
  workers.push(worker);
  return worker;
}

export const add = (a: number, b: number): number => a + b;
export const inSet = (state: 'dead' | 'retries' | 'working') => faktory.jobs({ state });
export const pushAdds = (count: number): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => client.push({ jobtype: 'add', args: [n, 1] })));
