import { describe, expect, it } from 'vitest';
import { reportOf } from '../../src/bench/report.ts';
import { resultsOf, type Setting, tableOf, textTable } from '../../src/bench/results.ts';
import { cellsOf, runsOf } from '../../src/bench/sweep.ts';
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
  rounds: 1,
  jobTimeMs: 0,
  bandwidth: null,
  cellsAsked: cells.length,
};
const results = resultsOf(
  setting,
  cells.map((cell, i) => figure({ ...cell, jobsPerSecond: 1_001 + i, bytesPerJob: 281 + i })),
);

const inRounds = resultsOf(
  { ...setting, rounds: 3 },
  runsOf(cells, 3).map((run) => figure({ ...run, jobsPerSecond: 1_000 * run.round + run.concurrency })),
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
    const lines = textTable(tableOf(results)).split('\n');
    expect(lines).toHaveLength(9);
    const [header, first] = lines;
    for (const name of ['jobs/s', 'bytes/job']) {
      expect(first!.slice(0, header!.indexOf(name) + name.length)).toMatch(/\d$/);
    }
    expect(first).toMatch(/ {2}latency-bound: /);
  });

  it('of several rounds are medians, with the least and the most of them', () => {
    const { header, rows } = tableOf(inRounds);
    expect(header).toContain('from–to');
    expect(rows).toHaveLength(8);
    expect(rows[0]!.slice(0, 5)).toEqual(['0', '5', '0', '2,005', '1,005–3,005']);
    expect(tableOf(results).header).not.toContain('from–to');
    expect(inRounds.cells[0]!.rounds.map(({ jobsPerSecond }) => jobsPerSecond)).toEqual([
      1_005, 2_005, 3_005,
    ]);
  });
});

describe('the report', () => {
  const html = reportOf(results);

  it('has every cell, in the table and in the plots', () => {
    for (const row of tableOf(results).rows) {
      for (const text of row) expect(html).toContain(`>${text.replaceAll("'", '&#39;')}</td>`);
    }
    const names = elementsOf(html);
    expect(names.filter((name) => name === 'figure')).toHaveLength(3);
    for (const { latencyMs, prefetch } of cells) {
      expect(html.split(`</i>${latencyMs} ms, prefetch ${prefetch}: `)).toHaveLength(3 * 2 + 1);
    }
    expect(html).not.toContain('class="spread');
  });

  it("draws Little's bound as far as it is near to what was reached", () => {
    expect(html.match(/class="line bound c[01]"/g)).toHaveLength(2);
    const far = resultsOf(setting, [figure({ concurrency: 10_000 }), figure({ concurrency: 20_000 })]);
    expect(reportOf(far)).not.toContain('class="line bound');
    expect(reportOf(far)).not.toContain('Little&#39;s bound</li>');
  });

  it('draws how far the rounds spread, and says how many there were', () => {
    const several = reportOf(inRounds);
    expect(several.match(/class="spread/g)).toHaveLength(3 * 4);
    expect(several).toContain('the median of 3 measurements');
  });

  it('escapes what the machine says of itself, asks for nothing, and has no script', () => {
    expect(html).toContain('a &lt;b&gt;CPU&lt;/b&gt;');
    expect(html).not.toMatch(/<script|https?:|NaN|Infinity|undefined/);
  });

  it('of nothing is a page too, and says that it was ended early', () => {
    const none = reportOf(resultsOf(setting, []));
    elementsOf(none);
    expect(none).toContain('Ended early: 0 of 8 cells have all their rounds.');
  });
});
