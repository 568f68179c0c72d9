import { describe, expect, it } from 'vitest';
import { reportOf } from '../../src/bench/report.ts';
import { HEADER, resultsOf, rowOf, type Setting, textTable } from '../../src/bench/results.ts';
import { cellsOf } from '../../src/bench/sweep.ts';
import { elementsOf } from '../report/markup.ts';
import { figure } from './figures.ts';

const cells = cellsOf([0, 20], [5, 10]);
const setting: Setting = {
  millrace: '1.2.3',
  node: 'v20.0.0',
  cores: 2,
  cpu: 'a <b>CPU</b>',
  faktory: 'embedded',
  startedAt: '2030-01-31T09:00:00.000Z',
  jobs: 300,
  seconds: 5,
  jobTimeMs: 0,
  bandwidth: null,
  cellsAsked: cells.length,
};
const results = resultsOf(
  setting,
  cells.map((cell, i) => figure({ ...cell, jobsPerSecond: 1_001 + i, bytesPerJob: 281 + i })),
);

describe('the results', () => {
  it('are as JSON what they are: no bound is null', () => {
    expect(JSON.parse(JSON.stringify(results))).toEqual(results);
    expect(results.cells.map(({ littlesBound }) => littlesBound)).toEqual([
      expect.closeTo(100),
      null,
      expect.closeTo(200),
      null,
      expect.closeTo(100),
      null,
      expect.closeTo(200),
      null,
    ]);
  });

  it('take the bandwidth in kB/s', () => {
    const [cell] = resultsOf({ ...setting, bandwidth: 300 }, [figure()]).cells;
    expect(cell!.bound.kind).toBe('bandwidth');
  });

  it('are a table with a row a cell, whose numbers stand below one another', () => {
    const lines = textTable(HEADER, results.cells.map(rowOf)).split('\n');
    expect(lines).toHaveLength(9);
    const [header, first] = lines;
    for (const name of ['jobs/s', 'bytes/job']) {
      expect(first!.slice(0, header!.indexOf(name) + name.length)).toMatch(/\d$/);
    }
    expect(first).toMatch(/ {2}latency-bound: /);
  });
});

describe('the report', () => {
  const html = reportOf(results);

  it('has every cell, in the table and in the plots', () => {
    for (const cell of results.cells) {
      for (const text of rowOf(cell)) expect(html).toContain(`>${text.replaceAll("'", '&#39;')}</td>`);
      expect(html).toContain(`${cell.latencyMs} ms, prefetch ${cell.prefetch}: `);
    }
    const names = elementsOf(html);
    expect(names.filter((name) => name === 'circle')).toHaveLength(3 * cells.length);
    expect(names.filter((name) => name === 'figure')).toHaveLength(3);
    expect(html).toContain('20 ms, Little&#39;s bound');
  });

  it('escapes what the machine says of itself, asks for nothing, and has no script', () => {
    expect(html).toContain('a &lt;b&gt;CPU&lt;/b&gt;');
    expect(html).not.toMatch(/<script|https?:|NaN|Infinity|undefined/);
  });

  it('of nothing is a page too, and says that it was ended early', () => {
    const none = reportOf(resultsOf(setting, []));
    elementsOf(none);
    expect(none).toContain('Ended early: 0 of 8 cells.');
  });
});
