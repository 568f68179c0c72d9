/** The timers of reducers: what a run is told, and that none overlaps another. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MillraceError } from '../../../src/errors.ts';
import type { ReducerTimerRun } from '../../../src/worker/results/reducer.ts';
import { ReducerTimers } from '../../../src/worker/results/reducer-timers.ts';

let logged: unknown[];
let timers: ReducerTimers;
let runs: ReducerTimerRun[];
/** How the runs that are under way end, the first first. */
let ends: ((error?: Error) => void)[];

beforeEach(() => {
  vi.useFakeTimers();
  [logged, runs, ends] = [[], [], []];
  const log = (fields: object): void => void logged.push(fields);
  timers = new ReducerTimers({ debug: log, info: log, warn: log, error: log });
  timers.set('sum', {
    everyMs: 1_000,
    run: (run) => {
      runs.push(run);
      return new Promise<void>((resolve, reject) => {
        ends.push((error) => (error === undefined ? resolve() : reject(error)));
      });
    },
  });
});

afterEach(() => {
  vi.useRealTimers();
});

const wait = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

describe('the timer of a reducer', () => {
  it('runs so long after the end of the run before, and is told of the batches since that began', async () => {
    timers.onBatch('sum');
    timers.onBatch('nobody');
    timers.start();
    await wait(999);
    expect(runs).toEqual([]);
    await wait(1);
    expect(runs).toMatchObject([{ batches: 1, last: false }]);
    timers.onBatch('sum');
    await wait(10_000);
    expect(runs).toHaveLength(1);
    ends[0]!();
    await wait(999);
    expect(runs).toHaveLength(1);
    await wait(1);
    expect(runs[1]).toMatchObject({ batches: 1, last: false });
  });

  it('that fails has what was to be done still to do', async () => {
    timers.start();
    for (let i = 0; i < 3; i += 1) timers.onBatch('sum');
    await wait(1_000);
    timers.onBatch('sum');
    ends[0]!(new Error('away'));
    await wait(1_000);
    expect(runs.map(({ batches }) => batches)).toEqual([3, 4]);
    expect(logged).toEqual([{ jobtype: 'sum', reason: 'away' }]);
    ends[1]!(new Error('away'));
    await wait(0);
    const finished = timers.finish();
    await wait(0);
    expect(runs[2]).toMatchObject({ batches: 4, last: true });
    ends[2]!();
    await finished;
  });

  it('has its last run once the one that is under way has ended', async () => {
    timers.start();
    timers.onBatch('sum');
    await wait(1_000);
    timers.onBatch('sum');
    let over = false;
    const finished = timers.finish().then(() => {
      over = true;
    });
    await wait(10_000);
    expect([runs.length, over]).toEqual([1, false]);
    ends[0]!();
    await wait(0);
    expect(runs[1]).toMatchObject({ batches: 1, last: true });
    expect(over).toBe(false);
    ends[1]!();
    await finished;
    await wait(10_000);
    expect(runs).toHaveLength(2);
  });

  it('has no last run for nothing, before work began, or after its signal has aborted', async () => {
    timers.onBatch('sum');
    await timers.finish();
    expect(runs).toEqual([]);
    timers.end(new MillraceError('SHUTDOWN'));
    timers.start();
    await wait(10_000);
    expect(runs).toEqual([]);
  });

  it('hears by its signal that nobody waits for it any more', async () => {
    timers.start();
    timers.onBatch('sum');
    await wait(1_000);
    timers.onBatch('sum');
    const finished = timers.finish();
    timers.end(new MillraceError('SHUTDOWN'));
    expect(runs[0]!.signal.reason).toMatchObject({ code: 'SHUTDOWN' });
    ends[0]!();
    await finished;
    expect(runs).toHaveLength(1);
  });

  it('may be replaced and removed while it ticks', async () => {
    timers.start();
    timers.set('sum', { everyMs: 5_000, run: (run) => void runs.push(run) });
    await wait(4_999);
    expect(runs).toHaveLength(0);
    await wait(1);
    expect(runs).toHaveLength(1);
    timers.set('sum', undefined);
    await wait(10_000);
    expect(runs).toHaveLength(1);
  });
});
