import { describe, expect, it } from 'vitest';
import { bar, LoadProgress } from '../../src/cli/load-progress.ts';
import { scenario } from '../load/figures.ts';

const SIZE = { requests: 1_000, seconds: 0, perSecond: 0 };

function written(terminal: boolean): string {
  let text = '';
  let now = 0;
  const progress = new LoadProgress({
    terminal,
    now: () => now,
    write: (more) => {
      text += more;
    },
  });
  progress.step({ doing: 'scenario', name: 'bombardment', number: 2, of: 3, size: SIZE });
  progress.step({ doing: 'count', answered: 250 });
  now = 6_000;
  progress.step({ doing: 'count', answered: 500 });
  progress.step({ doing: 'phase', text: 'waiting' });
  progress.step({ doing: 'done', result: scenario() });
  progress.end();
  return text;
}

const DONE =
  '2/3  bombardment: 4,970 accepted/s; every job is accounted for, the last executed after 0.3 s\n';

describe('the progress of a load', () => {
  it('is a line every few seconds without a terminal', () => {
    expect(written(false)).toBe(`2/3  bombardment  ${bar(0.5)}  500 answered\n${DONE}`);
  });

  it('is a bar that fills on a terminal', () => {
    expect(written(true).split('\r\x1b[K')).toEqual([
      '',
      '2/3  bombardment  starting',
      `2/3  bombardment  ${bar(0.25)}  250 answered`,
      `2/3  bombardment  ${bar(0.5)}  500 answered`,
      '2/3  bombardment  waiting',
      DONE,
      '',
    ]);
  });

  it('fills by time where that is what ends it', () => {
    let text = '';
    let now = 0;
    const write = (more: string): void => {
      text = more;
    };
    const progress = new LoadProgress({ terminal: true, now: () => now, write });
    const size = { requests: 0, seconds: 4, perSecond: 0 };
    progress.step({ doing: 'scenario', name: 'saturation', number: 1, of: 1, size });
    now = 1_000;
    progress.step({ doing: 'count', answered: 123_456 });
    expect(text).toContain(`${bar(0.25)}  123,456 answered`);
  });

  it('has a bar that is never more than full', () => {
    expect([bar(-1), bar(0.5), bar(2)]).toEqual([
      `[${' '.repeat(24)}]   0%`,
      `[${'='.repeat(12)}${' '.repeat(12)}]  50%`,
      `[${'='.repeat(24)}] 100%`,
    ]);
  });
});
