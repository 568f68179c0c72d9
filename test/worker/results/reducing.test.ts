/** Results and reducers, in whole workers. */
import { afterEach, beforeEach, describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { Client } from '../../../src/client/client.ts';
import { defineJobs } from '../../../src/contract/contract.ts';
import type { Logger } from '../../../src/logger.ts';
import { startFaktory, type TestFaktory } from '../../../src/testing/test-faktory.ts';
import type { WorkerOptions } from '../../../src/worker/options.ts';
import type { ReducerResult } from '../../../src/worker/results/payload.ts';
import type { ReducerTimerRun } from '../../../src/worker/results/reducer.ts';
import { Worker } from '../../../src/worker/worker.ts';
import { until } from '../../helpers/until.ts';

let faktory: TestFaktory;
let client: Client;
const workers: Worker[] = [];
let lines: { text: string; fields: Record<string, unknown> }[] = [];

const keep = (fields: object, text: string): void => {
  lines.push({ text, fields: fields as Record<string, unknown> });
};
const logger: Logger = { debug: keep, info: keep, warn: keep, error: keep };

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

function newWorker(options: WorkerOptions = {}): Worker {
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

const add = (a: number, b: number): number => a + b;
const inSet = (state: 'dead' | 'retries' | 'working') => faktory.jobs({ state });
const pushAdds = (count: number): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => client.push({ jobtype: 'add', args: [n, 1] })));

describe('results', () => {
  it('are gathered by size and reach the reducer as jobs, before their sources are acknowledged', async () => {
    const worker = newWorker({ results: { maxSize: 10, maxDelayMs: 60_000 } });
    const batches: ReducerResult[][] = [];
    worker.register('add', add, { reduceTo: { jobtype: 'sum', queue: 'sums', reserveFor: 90 } });
    worker.registerReducer('sum', {
      process: (results, ctx) => {
        expect(ctx.job).toMatchObject({ queue: 'sums', reserve_for: 90 });
        batches.push(results as ReducerResult[]);
      },
    });
    await worker.work();
    const jids = await pushAdds(25);
    await until(() => batches.length === 2);
    expect(batches.map((batch) => batch.length)).toEqual([10, 10]);
    // The other five wait for more, held and without a slot.
    await until(() => worker.stats().running === 0 && worker.stats().unreported === 0);
    expect(worker.stats()).toMatchObject({ resultsWaiting: 5, resultsSent: 20, reducerJobs: 2 });
    expect(inSet('working')).toHaveLength(5);
    await worker.stop();
    // They left at once when it stopped.
    expect(worker.stats()).toMatchObject({ resultsWaiting: 0, resultsSent: 25, reducerJobs: 3 });
    expect(inSet('working')).toHaveLength(0);
    // It may have reduced them itself before it ended.
    const left = faktory.jobs({ queue: 'sums' }).map(({ args }) => args[0] as { results: ReducerResult[] });
    expect(batches.length + left.length).toBe(3);
    const all = [...batches.flat(), ...left.flatMap(({ results }) => results)];
    expect(new Set(all.map(({ source }) => source))).toEqual(new Set(jids));
    expect(all.every(({ jobtype }) => jobtype === 'add')).toBe(true);
    expect(all.reduce((sum, { result }) => sum + (result as number), 0)).toBe(325);
  });

  it('leave by delay, counted from the first; one reducer gets those of several jobtypes', async () => {
    const worker = newWorker({ results: { maxDelayMs: 30 } });
    const got: ReducerResult[] = [];
    worker.register('add', add, { reduceTo: 'sum' });
    worker.register('mul', (a: number, b: number) => a * b, { reduceTo: 'sum' });
    worker.registerReducer('sum', { process: (results) => void got.push(...(results as ReducerResult[])) });
    await worker.work();
    const jid = await client.push({ jobtype: 'add', args: [1, 2] });
    await until(() => got.length === 1);
    expect(got).toEqual([{ source: jid, jobtype: 'add', result: 3 }]);
    await client.push({ jobtype: 'mul', args: [2, 3] });
    await until(() => got.length === 2);
    expect(got[1]).toMatchObject({ jobtype: 'mul', result: 6 });
  });

  it('are dropped without reduceTo; null and undefined just end their jobs', async () => {
    const worker = newWorker();
    worker.register('add', add);
    worker.register('nothing', (value) => value, { reduceTo: 'sum' });
    await worker.work();
    await client.push({ jobtype: 'add', args: [1, 2] });
    await client.push({ jobtype: 'nothing', args: [null] });
    await client.push({ jobtype: 'nothing' });
    await until(() => worker.stats().done === 3 && worker.stats().unreported === 0);
    expect(worker.stats()).toMatchObject({ resultsWaiting: 0, resultsSent: 0, failed: 0 });
    expect([faktory.jobs(), inSet('working')]).toEqual([[], []]);
  });

  it('that cannot be written fail their own job only', async () => {
    const worker = newWorker({ results: { maxDelayMs: 20 } });
    const got: ReducerResult[] = [];
    worker.register('make', (kind) => (kind === 'bad' ? 1n : kind), { reduceTo: 'sum' });
    worker.registerReducer('sum', { process: (results) => void got.push(...(results as ReducerResult[])) });
    await worker.work();
    const bad = await client.push({ jobtype: 'make', args: ['bad'] });
    await client.push({ jobtype: 'make', args: ['good'] });
    await until(() => got.length === 1 && inSet('retries').length === 1);
    expect(got).toMatchObject([{ result: 'good' }]);
    expect(inSet('retries')).toMatchObject([{ jid: bad, failure: { errtype: 'RESULT_INVALID' } }]);
    expect(worker.stats()).toMatchObject({ done: 2, failed: 1 });
  });

  it('wait for the reply of their push: an unknown outcome is asked again under the same jid', async () => {
    const worker = newWorker({ results: { maxSize: 5, maxDelayMs: 60_000 }, queues: ['default'] });
    worker.register('add', add, { reduceTo: { jobtype: 'sum', queue: 'sums' } });
    await worker.work();
    faktory.faults.refuseJobs('sum', 'ERR something else');
    await pushAdds(5);
    await until(() => worker.stats().done === 5);
    await until(() => worker.stats().running === 0);
    expect(inSet('working')).toHaveLength(5);
    expect(worker.stats()).toMatchObject({ resultsWaiting: 5, resultsSent: 0 });
    faktory.faults.refuseJobs('sum', null);
    await until(() => inSet('working').length === 0);
    expect(faktory.jobs({ queue: 'sums' })).toHaveLength(1);
    expect(worker.stats()).toMatchObject({ resultsWaiting: 0, resultsSent: 5 });
  });

  it('that Faktory refuses fail their jobs: a rerun would fare no better', async () => {
    const worker = newWorker({ results: { maxSize: 2 }, queues: ['default'] });
    worker.register('add', add, { reduceTo: 'sum' });
    await worker.work();
    faktory.faults.refuseJobs('sum');
    await pushAdds(2);
    await until(() => inSet('retries').length === 2);
    expect(inSet('retries')[0]).toMatchObject({ jobtype: 'add', failure: { errtype: 'JOB_REJECTED' } });
  });

  it('that cannot be stored before the end are told, and their jobs stay with Faktory', async () => {
    const worker = newWorker({
      results: { maxDelayMs: 60_000 },
      queues: ['default'],
      shutdownTimeoutMs: 100,
    });
    worker.register('add', add, { reduceTo: 'sum' });
    await worker.work();
    await pushAdds(3);
    await until(() => worker.stats().resultsWaiting === 3 && worker.stats().running === 0);
    faktory.faults.freeze();
    await worker.stop();
    expect(lines.map(({ text }) => text)).toContainEqual(
      expect.stringMatching(/^3 results are not known to have reached their reducers before the end/),
    );
    faktory.faults.clear();
    expect(inSet('working')).toHaveLength(3);
  });

  it('are lost with no connection: cut, and cut again, each arrives', async () => {
    const worker = newWorker({ results: { maxSize: 7, maxDelayMs: 5 } });
    const sums = new Map<string, number>();
    worker.register('add', add, { reduceTo: { jobtype: 'sum', queue: 'sums' } });
    worker.registerReducer('sum', {
      process: (results) => {
        for (const { source, result } of results) sums.set(source, result);
      },
    });
    await worker.work();
    const jids = await pushAdds(300);
    for (const share of [50, 150]) {
      await until(() => sums.size >= share);
      faktory.faults.dropReplies(1, 'PUSHB');
      faktory.faults.cut();
    }
    // What a cut FETCH reply had taken comes back by its reservation, in the time of this Faktory.
    await until(
      async () => {
        if (worker.stats().running === 0 && worker.stats().unreported === 0) faktory.clock.advance(2_000_000);
        return sums.size === 300;
      },
      { everyMs: 100, timeoutMs: 20_000 },
    );
    expect(new Set(sums.keys())).toEqual(new Set(jids));
    expect([...sums.values()].reduce((sum, each) => sum + each, 0)).toBe((299 * 300) / 2 + 300);
  }, 30_000);
});

describe('a reducer', () => {
  it('has a timer that runs while the worker works, and once more at its end for what came since', async () => {
    const worker = newWorker({ results: { maxSize: 1 } });
    const runs: ReducerTimerRun[] = [];
    let atOnce = 0;
    let processed = 0;
    worker.register('add', add, { reduceTo: 'sum' });
    worker.registerReducer('sum', {
      process: () => {
        processed += 1;
      },
      timer: {
        everyMs: 20,
        run: async (run) => {
          atOnce += 1;
          expect(atOnce).toBe(1);
          runs.push(run);
          await new Promise(setImmediate);
          atOnce -= 1;
          if (runs.length === 1) throw new Error('the first fails');
        },
      },
    });
    expect(runs).toHaveLength(0);
    await worker.work();
    await until(() => runs.length >= 2);
    expect(lines.filter(({ text }) => text.startsWith('the timer of a reducer failed'))).toMatchObject([
      { fields: { jobtype: 'sum', reason: 'the first fails' } },
    ]);
    await pushAdds(3);
    await until(() => processed === 3);
    await until(() => runs.reduce((sum, { batches }) => sum + batches, 0) === 3);
    worker.registerReducer('sum', {
      process: () => {
        processed += 1;
      },
      timer: { everyMs: 3_600_000, run: (run) => void runs.push(run) },
    });
    const before = runs.length;
    await pushAdds(2);
    await until(() => processed === 5);
    await worker.stop();
    expect(runs.slice(before)).toMatchObject([{ batches: 2, last: true }]);
    expect(runs.slice(0, before).every(({ last }) => !last)).toBe(true);
  });

  it('gets no last run where nothing came since, and its signal aborts where it takes too long', async () => {
    const worker = newWorker({ results: { maxSize: 1 }, shutdownTimeoutMs: 200 });
    const runs: string[] = [];
    const slow = newWorker({ queues: ['slow'], shutdownTimeoutMs: 200 });
    worker.registerReducer('sum', {
      process: () => {},
      timer: { everyMs: 3_600_000, run: () => void runs.push('idle') },
    });
    let aborted: unknown;
    let processed = 0;
    slow.registerReducer('slow', {
      process: () => {
        processed += 1;
      },
      timer: {
        everyMs: 3_600_000,
        run: ({ signal }) =>
          new Promise<void>((resolve) => {
            signal.addEventListener('abort', () => {
              aborted = signal.reason;
              resolve();
            });
          }),
      },
    });
    await Promise.all([worker.work(), slow.work()]);
    await client.push({ jobtype: 'slow', queue: 'slow', args: [{ version: 1, results: [] }] });
    await until(() => processed === 1);
    await Promise.all([worker.stop(), slow.stop()]);
    expect(runs).toEqual([]);
    expect(aborted).toMatchObject({ code: 'SHUTDOWN' });
  });

  it('refuses what is no reducer', () => {
    const worker = newWorker();
    const refused = (reducer: unknown) => () => worker.registerReducer('sum', reducer as never);
    expect(refused({})).toThrow(/process of the reducer "sum" must be a function/);
    expect(refused({ process: () => {}, timer: { everyMs: 5 } })).toThrow(/timer.run/);
    expect(refused({ process: () => {}, timer: { everyMs: 0, run: () => {} } })).toThrow(
      /timer.everyMs of the reducer "sum" is 0/,
    );
    expect(() => worker.register('add', add, { reduceTo: {} as never })).toThrow(/reduceTo of "add"/);
  });
});

describe('with a contract', () => {
  const contract = defineJobs({
    add: { args: z.tuple([z.number(), z.number()]), result: z.number().max(100) },
    name: { args: z.tuple([z.string()]), result: z.object({ name: z.string() }) },
    quiet: {},
    sum: { queue: 'sums', retry: 2 },
  });

  it('results are typed, checked before they travel, and go where it says', async () => {
    const worker = new Worker({
      url: faktory.url,
      logger,
      trapSignals: false,
      contract,
      results: { maxSize: 1 },
      queues: ['default', 'sums'],
    });
    workers.push(worker as unknown as Worker);
    const got: unknown[] = [];
    worker.register('add', (a, b) => a + b, { reduceTo: 'sum' });
    worker.registerReducer('sum', {
      process: (results, ctx) => {
        for (const each of results) {
          if (each.jobtype === 'add') expectTypeOf(each.result).toEqualTypeOf<number>();
          else expectTypeOf(each.result).toEqualTypeOf<{ name: string }>();
          got.push([each.result, ctx.job.queue, ctx.job.retry]);
        }
      },
    });
    await worker.work();
    await client.push({ jobtype: 'add', args: [1, 2] });
    await until(() => got.length === 1);
    expect(got).toEqual([[3, 'sums', 2]]);
    await client.push({ jobtype: 'add', args: [100, 2] });
    await until(() => inSet('retries').length === 1);
    expect(inSet('retries')[0]!.failure).toMatchObject({
      errtype: 'RESULT_INVALID',
      message: expect.stringMatching(/^the result of "add" does not fit its contract: result: /),
    });
    expect(() => worker.register('add', (a) => a, { reduceTo: 'nobody' })).toThrow(/not in the contract/);
    // @ts-expect-error: the contract has no such jobtype.
    expect(() => worker.registerReducer('nobody', { process: () => {} })).toThrow(/not in the contract/);
  });
});
