import { describe, expect, it } from 'vitest';
import { textTable } from '../../src/bench/results.ts';
import { reportOf } from '../../src/load/report.ts';
import { isWhole, tableOf, verdictOf } from '../../src/load/results.ts';
import { elementsOf } from '../report/markup.ts';
import { bare, resultsOf, saturated, scenario } from './figures.ts';

const wrong = scenario({ gaps: ['3 of 994 accepted jobs were lost: nobody ran them'] });
const all = resultsOf([scenario(), saturated, bare], {
  leftOut: [{ name: 'end-to-end', title: 'Submitted to executed', leftOut: 'set FAKTORY_URL' }],
});

describe('the results of a load', () => {
  it('are a row a scenario, with what it came to at the end', () => {
    const [header, first, second, third] = textTable(tableOf(all)).split('\n');
    expect(header).toMatch(/^ +scenario +sent .*what it came to$/);
    expect(first).toMatch(
      /bombardment +1,000 +994 +6 +990 +4 +4,970 +2\.0 +9\.0 +3\.0 +11 +25% +123 +every job/,
    );
    expect(second).toContain('none lost; usual again 120 ms after it; 50 of 50 that obeyed Retry-After');
    expect(third).toMatch(/– {2,}– {2}every request is accounted for$/);
  });

  it('are whole where nothing is missing and nothing was ended early', () => {
    expect(isWhole(all)).toBe(true);
    expect(isWhole(resultsOf([scenario(), wrong]))).toBe(false);
    expect(isWhole(resultsOf([scenario()], { endedEarly: true }))).toBe(false);
    expect(verdictOf(wrong)).toBe('WRONG: 3 of 994 accepted jobs were lost: nobody ran them');
  });
});

describe('the report of a load', () => {
  it('is a page without a script, with the charts of every scenario', () => {
    const page = reportOf(all);
    const elements = elementsOf(page);
    expect(elements).not.toContain('script');
    // Rates, both latencies, CPU and memory; of the bare one the first two.
    expect(elements.filter((name) => name === 'svg')).toHaveLength(5 + 5 + 2);
    expect(page).toContain('a &lt;b&gt;CPU&lt;/b&gt;');
    expect(page).toContain('left out; set FAKTORY_URL');
    expect(page).toContain('100 cut before their answer');
  });

  it('says first what is wrong', () => {
    const page = reportOf(
      resultsOf([wrong], { endedEarly: true, api: 'https://jobs.example', faktory: null }),
    );
    expect(page).toMatch(/<li>Ended early:[^<]*<\/li>\n<li>Bombardment[^<]*WRONG: 3 of 994/);
    expect(page).toContain('against the API at https://jobs.example;');
  });

  it('is whole where nothing was run', () => {
    expect(elementsOf(reportOf(resultsOf([])))).toContain('table');
  });
});
