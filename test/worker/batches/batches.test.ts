import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Client } from '../../../src/client/client.ts';
import { defineJobs } from '../../../src/contract/contract.ts';
import type { Logger } from '../../../src/logger.ts';
import type { JobInput, JobPayload } from '../../../src/protocol/job.ts';
import { runJob } from '../../../src/testing/run-job.ts';
import { startFaktory, type TestFaktory } from '../../../src/testing/test-faktory.ts';
import { Unrecoverable } from '../../../src/unrecoverable.ts';
import type { WorkerOptions } from '../../../src/worker/options.ts';
import { Worker } from '../../../src/worker/worker.ts';
import { until } from '../../helpers/until.ts';
import { held } from './held.ts';

let faktory: TestFaktory;
let client: Client;
let lines: { text: string; fields: Record<string, unknown> }[];
const workers: Worker[] = [];

beforeEach(async () => {
  lines = [];
  faktory = await startFaktory();
  client = new Client({ url: faktory.url, logger: false });
});

afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop()));
  await client.close();
  await faktory.stop();
});

const keep = (fields: object, text: string): void => {
  lines.push({ text, fields: fields as Record<string, unknown> });
};
const logger: Logger = { debug: keep, info: keep, warn: keep, error: keep };
const told = (text: string) => lines.filter((line) => line.text === text).map(({ fields }) => fields);

function newWorker(options: WorkerOptions = {}): Worker {
  const worker = new Worker({
    url: faktory.url,
    logger,
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
const argsIn = (state: 'dead' | 'retries'): unknown[] => inSet(state).flatMap(({ args }) => args);

describe('a batch handler', () => {
  it('gets full batches, in the order in which the jobs were fetched, and acknowledges them all', async () => {
    const calls: number[][] = [];
    await pushPoints(1_000);
    const worker = newWorker({ concurrency: 1 }).registerBatch(
      'point',
      { maxSize: 100, maxDelayMs: 60_000 },
      (jobs) => {
        calls.push(jobs.map(({ args }) => args[0] as number));
      },
    );
    await worker.work();
    await until(() => worker.stats().done === 1_000);
    expect(calls.map((call) => call.length)).toEqual(new Array(10).fill(100));
    expect(calls.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 1_000 }, (_, n) => n));
    await until(() => inSet('working').length === 0);
    expect(worker.tallies.of('point').batchJobs).toMatchObject({ count: 10, sum: 1_000 });
    expect(worker.tallies.of('point').seconds.count).toBe(10);
  });

  it('gets a batch that is not full when its first job has waited for maxDelayMs', async () => {
    const calls: number[] = [];
    const worker = newWorker().registerBatch('point', { maxSize: 100, maxDelayMs: 30 }, (jobs) => {
      calls.push(jobs.length);
    });
    await worker.work();
    await pushPoints(7);
    await until(() => worker.stats().done === 7);
    expect(calls.reduce((a, b) => a + b)).toBe(7);
  });

  it('holds one slot for each batch, runs as many as its concurrency, and gathers as many again', async () => {
    const { calls, handler, letGo } = held();
    await pushPoints(100);
    const worker = newWorker({ concurrency: 3 }).registerBatch(
      'point',
      { maxSize: 10, maxDelayMs: 60_000, concurrency: 2 },
      handler,
    );
    await worker.work();
    await until(() => calls.length === 2 && worker.stats().gathered >= 20);
    expect(calls.map((call) => call.length)).toEqual([10, 10]);
    expect(worker.stats()).toMatchObject({ running: 2, free: 1, ready: 0 });
    // The first of them came before it was known that their queue has a credit.
    expect(faktory.jobs({ state: 'enqueued' }).length).toBeGreaterThanOrEqual(56);
    letGo();
    await until(() => worker.stats().done === 100);
    expect(worker.stats()).toMatchObject({ running: 0, gathered: 0 });
  });

  it('leaves slots to single jobs, whose queue comes first', async () => {
    const { calls, handler, letGo } = held();
    const worker = newWorker({ concurrency: 2, queues: ['single', 'points'] })
      .registerBatch('point', { maxSize: 5, maxDelayMs: 0, concurrency: 1 }, handler)
      .register('single', () => {});
    await worker.work();
    await pushPoints(20, { queue: 'points' });
    await until(() => calls.length === 1);
    await client.pushBulk(Array.from({ length: 50 }, () => ({ jobtype: 'single', queue: 'single' })));
    await until(() => worker.tallies.of('single').outcomes.done === 50);
    letGo();
    await until(() => worker.stats().done === 70);
    expect(
      told(
        'a batch handler shares this queue with other jobtypes: a queue of its own fills its batches better',
      ),
    ).toEqual([]);
  });

  it('says so once where its queue is not its own, and runs all the same', async () => {
    const worker = newWorker()
      .registerBatch('point', { maxSize: 5, maxDelayMs: 5 }, () => {})
      .register('single', () => {});
    await worker.work();
    await pushPoints(5);
    await until(() => worker.stats().done === 5);
    await client.pushBulk(Array.from({ length: 300 }, (_, n) => ({ jobtype: n % 2 ? 'single' : 'point' })));
    await until(() => worker.stats().done === 305);
    const text =
      'a batch handler shares this queue with other jobtypes: a queue of its own fills its batches better';
    expect(told(text)).toEqual([{ queue: 'default', jobtype: 'single' }]);
  });

  it('can be tried without Faktory, with one job', async () => {
    const worker = newWorker().registerBatch('point', { maxSize: 5 }, (jobs, ctx) =>
      jobs.map(({ args, id }) =>
        args[0] === 1 && id !== '' && !ctx.signal.aborted ? undefined : new Error('no'),
      ),
    );
    await runJob(worker, 'point', 1);
    await expect(runJob(worker, 'point', 2)).rejects.toThrow('no');
  });

  it('may be replaced while jobs are gathered for it: they come back to the next', async () => {
    const worker = newWorker().registerBatch('point', { maxSize: 5, maxDelayMs: 60_000 }, () => {});
    await worker.work();
    await pushPoints(3);
    await until(() => worker.stats().gathered === 3);
    const seen: unknown[] = [];
    worker.register('point', (n: number) => seen.push(n));
    await until(() => seen.length === 3);
    expect(worker.stats()).toMatchObject({ handedBack: 3, gathered: 0 });
  });

  it.each([
    ['reduceTo', { reduceTo: 'sum' }],
    ['rate', { rate: { limit: 2, everyMs: 1_000 } }],
    ['queue', { queue: 'points' }],
  ])('takes no %s, also from JavaScript', (name, option) => {
    const options = { maxSize: 5, ...option };
    expect(() => newWorker().registerBatch('point', options, () => {})).toThrow(
      `the batches of "point" take no ${name}`,
    );
  });

  it.each([
    ['maxSize', { maxSize: 0 }],
    ['maxSize', { maxSize: 1.5 }],
    ['maxDelayMs', { maxSize: 1, maxDelayMs: -1 }],
    ['concurrency', { maxSize: 1, concurrency: 0 }],
    ['handlerTimeoutMs', { maxSize: 1, handlerTimeoutMs: 0 }],
  ])('refuses a wrong %s', (name, options) => {
    expect(() => newWorker().registerBatch('point', options, () => {})).toThrow(name);
  });
});

describe('each job of a batch is reported on its own', () => {
  it('by an outcome for each', async () => {
    const failed: unknown[] = [];
    await pushPoints(30, { retry: 3 });
    const worker = newWorker().registerBatch('point', { maxSize: 10, maxDelayMs: 20 }, (jobs) =>
      jobs.map(({ args: [n] }) => {
        if (n === 3) return new Error('again');
        return n === 7 ? new Unrecoverable('never') : undefined;
      }),
    );
    worker.on('fail', ({ job }) => failed.push(job.args[0]));
    await worker.work();
    await until(() => worker.stats().done === 28 && worker.stats().dead === 1);
    expect(argsIn('retries')).toEqual([3]);
    expect(argsIn('dead')).toEqual([7]);
    expect(failed.sort()).toEqual([3, 7]);
    await until(() => inSet('working').length === 0);
  });

  it('by what Promise.allSettled says', async () => {
    await pushPoints(10, { retry: 3 });
    const worker = newWorker().registerBatch('point', { maxSize: 10, maxDelayMs: 20 }, (jobs) =>
      Promise.allSettled(
        jobs.map(async ({ args: [n] }) => {
          if (n === 4) throw new Unrecoverable('never');
        }),
      ),
    );
    await worker.work();
    await until(() => worker.stats().done === 9 && worker.stats().dead === 1);
    expect(argsIn('dead')).toEqual([4]);
  });

  it('all as failed when it throws', async () => {
    await pushPoints(10, { retry: 3 });
    const worker = newWorker().registerBatch('point', { maxSize: 10, maxDelayMs: 20 }, () => {
      throw new Error('the database is away');
    });
    await worker.work();
    await until(() => inSet('retries').length === 10);
    expect(worker.stats()).toMatchObject({ done: 0, failed: 10 });
  });

  it('all as failed for an answer that tells no outcomes, with a word on it', async () => {
    await pushPoints(10, { retry: 3 });
    const worker = newWorker().registerBatch('point', { maxSize: 10, maxDelayMs: 20 }, () => [undefined]);
    await worker.work();
    await until(() => inSet('retries').length === 10);
    expect(inSet('retries')[0]!.failure).toMatchObject({
      errtype: 'BATCH_ANSWER',
      message: expect.stringMatching(/answered 1 outcomes for \d+ jobs; it takes nothing, or an array/),
    });
  });

  it('one whose args do not fit goes to Dead alone, and is in no batch', async () => {
    const contract = defineJobs({
      point: { args: z.tuple([z.object({ at: z.coerce.date() }).strict()]), queue: 'points' },
    });
    const dates: Date[] = [];
    const worker = new Worker({
      url: faktory.url,
      logger: false,
      trapSignals: false,
      contract,
      queues: ['points'],
    });
    workers.push(worker as never);
    // @ts-expect-error: the contract says what the args are.
    worker.registerBatch('point', { maxSize: 10 }, ([job]) => [job!.args[0].nothing]);
    // @ts-expect-error: a number tells no outcomes.
    worker.registerBatch('point', { maxSize: 10 }, (jobs) => jobs.length);
    worker.registerBatch('point', { maxSize: 10, maxDelayMs: 20 }, (jobs) => {
      for (const { args } of jobs) dates.push(args[0].at);
    });
    await worker.work();
    const args = [[{ at: '2026-01-01' }], [{ at: 'never' }], [{ at: '2026-01-02' }]];
    await client.pushBulk(args.map((each) => ({ jobtype: 'point', queue: 'points', args: each })));
    await until(() => worker.stats().done === 2 && worker.stats().dead === 1);
    expect(dates).toEqual([new Date('2026-01-01'), new Date('2026-01-02')]);
    expect(inSet('dead')[0]!.failure).toMatchObject({ errtype: 'PAYLOAD_INVALID' });
  });

  it('and what is gathered meanwhile is handed back when the breaker opens', async () => {
    let letFail = (): void => {};
    const failing = new Promise<void>((_resolve, reject) => {
      letFail = () => reject(new Error('no'));
    });
    const worker = newWorker().registerBatch(
      'point',
      {
        maxSize: 5,
        maxDelayMs: 60_000,
        breaker: { failures: 1, windowMs: 60_000, pauseMs: 60_000 },
      },
      () => failing as Promise<never>,
    );
    await worker.work();
    await pushPoints(8, { retry: 3 });
    await until(() => worker.stats().running === 1 && worker.stats().gathered === 3);
    letFail();
    await until(() => worker.stats().breakers[0]!.state === 'open');
    expect(worker.stats().gathered).toBe(0);
    // A FETCH on its way may bring one of them back once more.
    await until(() => worker.stats().handedBack >= 3 && inSet('retries').length === 5);
  });

  it('by its retry policy, and to its breaker', async () => {
    await pushPoints(20, { retry: 3 });
    const worker = newWorker().registerBatch(
      'point',
      {
        maxSize: 10,
        maxDelayMs: 20,
        retry: () => 60_000,
        breaker: { failures: 5, windowMs: 60_000, pauseMs: 60_000 },
      },
      (jobs) => jobs.map(() => new Error('no')),
    );
    await worker.work();
    await until(() => inSet('scheduled').length >= 5);
    await until(() => worker.stats().breakers[0]!.state === 'open');
    await until(() => worker.stats().delayed >= 5);
  });
});
