import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Client } from '../../../src/client/client.ts';
import type { JobInput, JobPayload } from '../../../src/protocol/job.ts';
import { startFaktory, type TestFaktory } from '../../../src/testing/test-faktory.ts';
import type { WorkerOptions } from '../../../src/worker/options.ts';
import { Worker } from '../../../src/worker/worker.ts';
import { until } from '../../helpers/until.ts';
import { held } from './held.ts';

let faktory: TestFaktory;
let client: Client;
const workers: Worker[] = [];

beforeEach(async () => {
  faktory = await startFaktory();
  client = new Client({ url: faktory.url, logger: false });
});

afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop()));
  await client.close();
  await faktory.stop();
});

function newWorker(options: WorkerOptions = {}): Worker {
  const worker = new Worker({
    url: faktory.url,
    logger: false,
    trapSignals: false,
    shutdownTimeoutMs: 1_000,
    ...options,
  });
  workers.push(worker);
  return worker;
}

const points = (count: number, rest: Partial<JobInput> = {}): JobInput[] =>
  Array.from({ length: count }, (_, n) => ({ jobtype: 'point', args: [n], ...rest }));
const pushPoints = (count: number, rest?: Partial<JobInput>) => client.pushBulk(points(count, rest));
const inSet = (state: 'dead' | 'retries' | 'scheduled' | 'working'): JobPayload[] => faktory.jobs({ state });

describe('time', () => {
  it('handlerTimeoutMs: all of its jobs FAIL, its slot is free', async () => {
    const { calls, handler } = held();
    let signal: AbortSignal | undefined;
    const worker = newWorker({ concurrency: 1 }).registerBatch(
      'point',
      { maxSize: 2, maxDelayMs: 20, handlerTimeoutMs: 30 },
      (jobs, ctx) => {
        if (calls.length > 0) return;
        signal = ctx.signal;
        return handler(jobs, ctx);
      },
    );
    await worker.work();
    await pushPoints(4, { retry: 3 });
    await until(() => inSet('retries').length === 2 && worker.stats().done === 2);
    expect(inSet('retries')[0]!.failure).toMatchObject({ errtype: 'HANDLER_TIMEOUT' });
    expect(signal?.reason).toMatchObject({ code: 'HANDLER_TIMEOUT' });
    expect(worker.stats()).toMatchObject({ running: 0, free: 1 });
  });

  it('a lease that ends: the signal aborts, each job is told as late once, its ACK still goes out', async () => {
    const { calls, handler, letGo } = held();
    let signal: AbortSignal | undefined;
    const worker = newWorker({ concurrency: 1 }).registerBatch(
      'point',
      { maxSize: 3, maxDelayMs: 20 },
      (jobs, ctx) => {
        signal = ctx.signal;
        return handler(jobs, ctx);
      },
    );
    await worker.work();
    await client.pushBulk(points(3).map((job, n) => ({ ...job, reserve_for: n === 1 ? 120 : 60 })));
    await until(() => calls.length === 1 && calls[0]!.length === 3);
    const now = Date.now;
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => now() + 65_000);
    onTestFinished(() => clock.mockRestore());
    await until(() => signal!.aborted);
    await until(() => worker.stats().late === 2);
    letGo();
    await until(() => worker.stats().done === 3);
    expect(worker.stats()).toMatchObject({ late: 2, failed: 0, running: 0 });
    await until(() => inSet('working').length === 0);
  });

  it('a batch that throws because its signal aborted has not failed: what still can be is handed back', async () => {
    let calls = 0;
    const worker = newWorker({ concurrency: 1 }).registerBatch(
      'point',
      { maxSize: 3, maxDelayMs: 20 },
      (jobs, { signal }) => {
        calls += 1;
        if (calls > 1) return;
        expect(jobs).toHaveLength(3);
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        });
      },
    );
    await worker.work();
    await client.pushBulk(points(3).map((job, n) => ({ ...job, reserve_for: n === 1 ? 60 : 600 })));
    await until(() => calls === 1 && worker.stats().gathered === 0);
    const now = Date.now;
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => now() + 57_000);
    onTestFinished(() => clock.mockRestore());
    await until(() => worker.stats().handedBack === 2 && worker.stats().done === 2);
    expect(worker.stats()).toMatchObject({ late: 1, failed: 0 });
  });

  it('what waits for its batch for a quarter of its reservation is handed back', async () => {
    const { calls, handler, letGo } = held();
    const worker = newWorker({ concurrency: 1 }).registerBatch(
      'point',
      { maxSize: 2, maxDelayMs: 0 },
      handler,
    );
    await worker.work();
    await pushPoints(5, { reserve_for: 600 });
    await until(() => calls.length === 1 && worker.stats().gathered >= 2);
    const gathered = worker.stats().gathered;
    const now = Date.now;
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => now() + 151_000);
    await until(() => worker.stats().handedBack >= gathered);
    clock.mockRestore();
    letGo();
    await until(() => worker.stats().done === 5);
    expect(worker.stats()).toMatchObject({ failed: 0, late: 0 });
  });

  it('stop(): what is gathered is handed back at once, what runs is waited for', async () => {
    const { calls, handler, letGo } = held();
    const worker = newWorker({ concurrency: 1 }).registerBatch(
      'point',
      { maxSize: 10, maxDelayMs: 60_000 },
      handler,
    );
    await worker.work();
    await pushPoints(15);
    await until(() => calls.length === 1 && worker.stats().gathered === 5);
    const stopping = worker.stop();
    await until(() => worker.stats().handedBack === 5);
    expect(worker.stats()).toMatchObject({ running: 1, gathered: 0 });
    letGo();
    await stopping;
    expect(worker.stats()).toMatchObject({ done: 10, handedBack: 5, failed: 0 });
    expect(faktory.jobs({ state: 'enqueued' })).toHaveLength(5);
    expect(inSet('working')).toEqual([]);
  });

  it('stop() ends in time where a batch does not: its signal aborts, its jobs are handed back', async () => {
    let reason: unknown;
    const worker = newWorker({ shutdownTimeoutMs: 30 }).registerBatch(
      'point',
      { maxSize: 10, maxDelayMs: 5 },
      (_jobs, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reason = signal.reason;
            reject(signal.reason);
          });
        }),
    );
    await worker.work();
    await pushPoints(10);
    await until(() => worker.stats().running > 0 && worker.stats().gathered === 0);
    await worker.stop();
    expect(reason).toMatchObject({ code: 'SHUTDOWN' });
    expect(worker.stats()).toMatchObject({ handedBack: 10, failed: 0, done: 0 });
    expect(faktory.jobs({ state: 'enqueued' })).toHaveLength(10);
  });
});
