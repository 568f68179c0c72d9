/** Batch handlers beside others: whoever shares a queue or the slots with them gets on. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Client } from '../../../src/client/client.ts';
import { defineJobs } from '../../../src/contract/contract.ts';
import type { Logger } from '../../../src/logger.ts';
import { startFaktory, type TestFaktory } from '../../../src/testing/test-faktory.ts';
import type { WorkerOptions } from '../../../src/worker/options.ts';
import { Worker } from '../../../src/worker/worker.ts';
import { until } from '../../helpers/until.ts';

let faktory: TestFaktory;
let client: Client;
let warnings: Record<string, unknown>[];
let letGo: () => void;
let open: Promise<void>;
const workers: Worker[] = [];

const logger: Logger = {
  debug: () => {},
  info: () => {},
  error: () => {},
  warn: (fields, text) => {
    if (String(text).startsWith('a batch handler shares')) warnings.push(fields as Record<string, unknown>);
  },
};

beforeEach(async () => {
  warnings = [];
  open = new Promise((resolve) => {
    letGo = resolve;
  });
  faktory = await startFaktory();
  client = new Client({ url: faktory.url, logger: false });
});

afterEach(async () => {
  letGo();
  await Promise.all(workers.splice(0).map((worker) => worker.stop()));
  await client.close();
  await faktory.stop();
});

function newWorker(options: WorkerOptions = {}): Worker {
  const worker = new Worker({ url: faktory.url, logger, trapSignals: false, ...options });
  workers.push(worker);
  return worker;
}

const push = (jobtype: string, count: number, queue: string) =>
  client.pushBulk(Array.from({ length: count }, () => ({ jobtype, queue })));
const done = (worker: Worker, jobtype: string): number => worker.tallies.of(jobtype).outcomes.done;

describe('a shared queue', () => {
  it('is not held back by a batch handler, where it is the only one of the worker', async () => {
    const worker = newWorker({ queues: ['default'], concurrency: 50 })
      .registerBatch('point', { maxSize: 5, maxDelayMs: 10, concurrency: 1 }, () => open)
      .register('other', () => {});
    await worker.work();
    expect(warnings).toEqual([{ queue: 'default', jobtype: 'other' }]);
    await push('point', 40, 'default');
    await until(() => worker.stats().running === 1);
    await push('other', 500, 'default');
    await until(() => done(worker, 'other') === 500);
    expect(done(worker, 'point')).toBe(0);
    expect(warnings).toHaveLength(1);
  });

  it('is known from the contract, and not where each has its own', async () => {
    const contract = defineJobs({
      point: { args: z.tuple([]), queue: 'points' },
      dot: { args: z.tuple([]), queue: 'points' },
      other: { args: z.tuple([]) },
    });
    const worker = new Worker({
      url: faktory.url,
      logger,
      trapSignals: false,
      contract,
      queues: ['points', 'default'],
    });
    workers.push(worker as never);
    worker.registerBatch('point', { maxSize: 5 }, () => {}).register('other', () => {});
    await worker.work();
    expect(warnings).toEqual([]);
    const sharing = new Worker({
      url: faktory.url,
      logger,
      trapSignals: false,
      contract,
      queues: ['points', 'default'],
    });
    workers.push(sharing as never);
    sharing.registerBatch('point', { maxSize: 5 }, () => {}).register('dot', () => {});
    await sharing.work();
    expect(warnings).toEqual([{ queue: 'points', jobtype: 'dot' }]);
  });

  it('comes to light with the first job of another jobtype', async () => {
    const worker = newWorker({ queues: ['default', 'unused'], concurrency: 50 })
      .registerBatch('point', { maxSize: 5, maxDelayMs: 10, concurrency: 1 }, () => open)
      .register('other', () => {});
    await worker.work();
    expect(warnings).toEqual([]);
    await push('point', 1, 'default');
    await until(() => worker.stats().running === 1);
    await push('other', 1, 'default');
    await until(() => done(worker, 'other') === 1);
    expect(warnings).toEqual([{ queue: 'default', jobtype: 'other' }]);
    await push('point', 40, 'default');
    await push('other', 500, 'default');
    await until(() => done(worker, 'other') === 501);
    expect(done(worker, 'point')).toBe(0);
    expect(warnings).toHaveLength(1);
  });
});

describe('slots that others have taken', () => {
  it('what is gathered goes to another worker, which is idle', async () => {
    const busy = newWorker({ queues: ['points', 'slow'], concurrency: 2, prefetch: 40 })
      .registerBatch('point', { maxSize: 10, maxDelayMs: 10 }, () => {})
      .register('slow', () => open);
    await busy.work();
    await push('point', 1, 'points');
    await until(() => done(busy, 'point') === 1);
    await push('slow', 2, 'slow');
    await until(() => busy.stats().running === 2);
    await push('point', 60, 'points');
    await until(() => busy.stats().gathered >= 10);
    // Batches that wait for a slot are no jobs.
    expect(busy.stats().ready).toBe(0);
    const idle = newWorker({ queues: ['points'], concurrency: 2 }).registerBatch(
      'point',
      { maxSize: 10, maxDelayMs: 10 },
      () => {},
    );
    await idle.work();
    await until(() => done(idle, 'point') === 60);
    expect(busy.stats()).toMatchObject({ gathered: 0, running: 2 });
    letGo();
    await until(() => done(busy, 'slow') === 2);
    await push('point', 5, 'points');
    await until(() => done(idle, 'point') + done(busy, 'point') === 66);
  });
});
