import { describe, expect, it } from 'vitest';
import { runJob } from '../../src/testing/index.ts';
import type { JobContext } from '../../src/worker/context.ts';
import { Worker } from '../../src/worker/worker.ts';

const newWorker = (): Worker => new Worker({ logger: false });

describe('runJob', () => {
  it('resolves to what the handler returns, at once or later, in either form', async () => {
    const worker = newWorker();
    worker.register('now', (a: number, b: number) => a + b);
    worker.register('later', async (a: number, b: number) => a * b);
    worker.register('context', (name: string) => (ctx: JobContext) => `${name} ${ctx.job.jobtype}`);
    worker.handle('nicer', async (ctx, name: string) => `${name} ${ctx.job.queue}`);
    worker.register('nothing', () => {});
    expect(await runJob(worker, 'now', 2, 3)).toBe(5);
    expect(await runJob(worker, 'later', 2, 3)).toBe(6);
    expect(await runJob(worker, 'context', 'hello')).toBe('hello context');
    expect(await runJob(worker, 'nicer', 'hello')).toBe('hello default');
    expect(await runJob(worker, 'nothing')).toBeUndefined();
  });

  it('rejects with the very thing that the handler threw', async () => {
    const error = new TypeError('no');
    const worker = newWorker();
    worker.register('throws', () => {
      throw error;
    });
    worker.register('rejects', () => Promise.reject(error));
    worker.register('text', () => Promise.reject('text'));
    await expect(runJob(worker, 'throws')).rejects.toBe(error);
    await expect(runJob(worker, 'rejects')).rejects.toBe(error);
    await expect(runJob(worker, 'text')).rejects.toBe('text');
  });

  it('runs the middleware, and gives the handler’s result whatever that returns', async () => {
    const seen: unknown[] = [];
    const worker = newWorker();
    worker.use(async (_ctx, next) => {
      seen.push(await next());
    });
    worker.use((ctx, next) => {
      ctx.tenant = 7;
      return next();
    });
    worker.handle('who', (ctx) => ({ tenant: ctx.tenant }));
    worker.handle('fails', () => {
      throw new RangeError('too far');
    });
    expect(await runJob(worker, 'who')).toEqual({ tenant: 7 });
    expect(seen).toEqual([{ tenant: 7 }]);
    await expect(runJob(worker, 'fails')).rejects.toThrow(RangeError);
  });

  it('gives nothing when middleware keeps the handler from running, or catches what it throws', async () => {
    const worker = newWorker();
    worker.use((ctx, next) => (ctx.job.jobtype === 'skipped' ? 'not run' : next().catch(() => 'caught')));
    worker.register('skipped', () => 'run');
    worker.register('fails', () => Promise.reject(new Error('no')));
    expect(await runJob(worker, 'skipped')).toBeUndefined();
    expect(await runJob(worker, 'fails')).toBeUndefined();
  });

  it('takes args through JSON, as a push does', async () => {
    const worker = newWorker().register('echo', (...args: unknown[]) => args);
    expect(await runJob(worker, 'echo', new Date(0), { gone: undefined }, Number.NaN)).toEqual([
      '1970-01-01T00:00:00.000Z',
      {},
      null,
    ]);
    await expect(runJob(worker, 'echo', 10n)).rejects.toMatchObject({ code: 'JOB_INVALID' });
  });

  it('knows no handler: HANDLER_UNKNOWN', async () => {
    await expect(runJob(newWorker(), 'constructor')).rejects.toMatchObject({ code: 'HANDLER_UNKNOWN' });
  });

  it('opens no connection and starts nothing', async () => {
    const worker = new Worker({ url: 'tcp://127.0.0.1:1', logger: false }).register('job', () => 1);
    expect(await runJob(worker, 'job')).toBe(1);
    expect(worker.state).toBe('new');
    expect(worker.stats()).toMatchObject({ done: 0, failed: 0, running: 0, fetchLanes: 0 });
  });
});

describe('worker.perform', () => {
  it('takes whole jobs', async () => {
    const worker = newWorker();
    worker.handle('show', (ctx) => ({ ...ctx.job, id: ctx.id, aborted: ctx.signal.aborted }));
    const failure = { failed_at: '2030-01-01T00:00:00Z', retry_count: 2 };
    const job = { jid: 'jid-00001', jobtype: 'show', queue: 'low', custom: { tenant: 7 }, failure };
    expect(await worker.perform(job)).toEqual({
      ...job,
      args: [],
      retry: 25,
      reserve_for: 1800,
      id: 'jid-00001',
      aborted: false,
    });
  });
});
