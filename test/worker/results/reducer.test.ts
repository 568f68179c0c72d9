/** Reducers and their timers, in whole workers. */
import { describe, expect, it } from 'vitest';
import { RecentSources } from '../../../src/worker/results/recent-sources.ts';
import type { ReducerTimerRun } from '../../../src/worker/results/reducer.ts';
import { until } from '../../helpers/until.ts';
import { add, client, faktory, lines, newWorker, pushAdds, staged } from './stage.ts';

staged();

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

  it('that hangs costs its batch one try: the next one does not wait for it', async () => {
    const worker = newWorker({ queues: ['sums'] });
    const recent = new RecentSources();
    const got: string[] = [];
    let calls = 0;
    worker.registerReducer(
      'sum',
      {
        process: (results, { signal }) =>
          recent.once(
            results,
            async (fresh) => {
              calls += 1;
              if (calls === 1) await new Promise(() => {});
              got.push(...fresh.map(({ source }) => source));
            },
            { signal },
          ),
      },
      { handlerTimeoutMs: 50, retry: () => 1_000 },
    );
    await worker.work();
    const results = JSON.stringify([{ source: 'source-1', jobtype: 'add', result: 1 }]);
    await client.push({ jobtype: 'sum', queue: 'sums', args: [{ version: 2, results }] });
    await until(() => faktory.jobs({ state: 'scheduled' }).length === 1);
    faktory.clock.advance(1_000);
    await until(() => worker.stats().done === 1);
    expect([got, calls, worker.stats().failed]).toEqual([['source-1'], 2, 1]);
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
