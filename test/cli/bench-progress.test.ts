import { describe, expect, it } from 'vitest';
import { BenchProgress } from '../../src/cli/bench-progress.ts';
import { figure } from '../bench/figures.ts';

function written(terminal: boolean, rounds = 1): string {
  let text = '';
  const progress = new BenchProgress({
    runs: 4,
    rounds,
    terminal,
    write: (more) => {
      text += more;
    },
  });
  const done = figure({ concurrency: 1 });
  progress.step({ doing: 'run', run: { ...done, round: 1 }, number: 2 });
  progress.step({ doing: 'done', figure: done });
  progress.step({ doing: 'emptying' });
  progress.end();
  return text;
}

describe('the progress of a bench', () => {
  it('is a plain line a run without a terminal', () => {
    expect(written(false)).toBe('2/4  50 ms, 1 slot, prefetch 0: 1,000 jobs/s, 20.0 µs a job\n');
  });

  it('says which round it is, where there are several', () => {
    expect(written(false, 3)).toBe('2/4  50 ms, 1 slot, prefetch 0, round 1: 1,000 jobs/s, 20.0 µs a job\n');
  });

  it('is a line that changes on a terminal, and leaves the runs', () => {
    expect(written(true).split('\r\x1b[K')).toEqual([
      '',
      '2/4  50 ms, 1 slot, prefetch 0 …',
      '2/4  50 ms, 1 slot, prefetch 0: 1,000 jobs/s, 20.0 µs a job\n',
      'emptying the queue …',
      '',
    ]);
  });
});
