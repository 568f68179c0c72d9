import { describe, expect, it } from 'vitest';
import { Meter } from '../../src/bench/meter.ts';

function metered(jobs: number) {
  const marks: string[] = [];
  const meter = new Meter({
    jobs,
    onFirst: () => marks.push('first'),
    onMark: (mark, done) => marks.push(`${mark} at ${done}`),
  });
  const run = (times: number): void => {
    for (let i = 0; i < times; i += 1) meter.job();
  };
  return { marks, meter, run };
}

describe('the meter', () => {
  it('leaves a fifth of the jobs out, and ends with the last', () => {
    const { marks, run, meter } = metered(100);
    run(120);
    expect(marks).toEqual(['first', 'warm at 20', 'end at 100']);
    expect(meter.done).toBe(120);
  });

  it('or by time, whichever comes first', () => {
    const { marks, run, meter } = metered(100);
    run(5);
    meter.warm();
    run(20);
    meter.end();
    run(100);
    meter.end();
    expect(marks).toEqual(['first', 'warm at 5', 'end at 25']);
  });

  it('has both marks where nothing was done', () => {
    const { marks, meter } = metered(100);
    meter.end();
    expect(marks).toEqual(['warm at 0', 'end at 0']);
  });
});
