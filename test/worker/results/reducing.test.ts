/** Results on their way to a reducer, in whole workers. */
import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { defineJobs } from '../../../src/contract/contract.ts';
import { type ReducerResult, readResults } from '../../../src/worker/results/payload.ts';
import { Worker } from '../../../src/worker/worker.ts';
import { until } from '../../helpers/until.ts';
import { add, client, faktory, inSet, lines, logger, newWorker, pushAdds, staged, workers } from './stage.ts';

staged();

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
    const left = faktory.jobs({ queue: 'sums' }).map(({ args }) => readResults(args));
    expect(batches.length + left.length).toBe(3);
    const all = [...batches.flat(), ...left.flat()];
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

  it('of a job that was handed back bear the jid under which it was pushed', async () => {
    const first = newWorker({ queues: ['default'], shutdownTimeoutMs: 0 });
    let started = false;
    first.handle(
      'add',
      (ctx) =>
        new Promise((_resolve, reject) => {
          started = true;
          ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason));
        }),
      { reduceTo: 'sum' },
    );
    await first.work();
    const jid = await client.push({ jobtype: 'add', args: [1, 2] });
    await until(() => started);
    await first.stop();
    expect(faktory.jobs({ queue: 'default' })[0]!.jid).not.toBe(jid);

    const second = newWorker({ results: { maxSize: 1 } });
    const got: ReducerResult[] = [];
    second.register('add', add, { reduceTo: 'sum' });
    second.registerReducer('sum', { process: (results) => void got.push(...results) });
    await second.work();
    await until(() => got.length === 1);
    expect(got).toEqual([{ source: jid, jobtype: 'add', result: 3 }]);
  });

  it('do not go with what is done to their jobs by jid or jobtype', async () => {
    const worker = newWorker({ results: { maxSize: 1 } });
    worker.handle('add', (ctx) => ({ jid: ctx.job.jid, jobtype: 'add' }), { reduceTo: 'sum' });
    worker.registerReducer('sum', {
      process: () => {
        throw new Error('the database is away');
      },
    });
    await worker.work();
    const jid = await client.push({ jobtype: 'add', args: [1, 2] });
    await until(() => inSet('retries').length === 1);
    for (const filter of [{ jids: [jid] }, { jobtype: 'add' }]) {
      await client.send(['MUTATE', JSON.stringify({ cmd: 'discard', target: 'retries', filter })]);
    }
    expect(inSet('retries')).toMatchObject([{ jobtype: 'sum' }]);
  });

  it('that are not stored hold back the fetching of jobs that would bring more', async () => {
    const worker = newWorker({ results: { maxSize: 1 }, queues: ['default'], concurrency: 1 });
    worker.register('add', add, { reduceTo: { jobtype: 'sum', queue: 'sums' } });
    faktory.faults.refuseJobs('sum', 'ERR something else');
    await client.pushBulk(Array.from({ length: 1_000 }, () => ({ jobtype: 'add', args: [1, 2] })));
    await worker.work();
    const waiting = () => faktory.jobs({ state: 'enqueued', queue: 'default' }).length;
    // As many as there are, or as it dares.
    await until(() => {
      const { running, ready, outstanding, resultsWaiting } = worker.stats();
      return resultsWaiting > 2 && running + ready + outstanding === 0;
    });
    expect(waiting()).toBeGreaterThan(500);
    faktory.faults.clear();
    await until(() => waiting() === 0 && worker.stats().resultsSent === 1_000);
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
