import { describe, expect, it } from 'vitest';
import { type Chart, lineChart } from '../../src/report/chart.ts';
import { escapeText } from '../../src/report/escape.ts';
import { beside, page, section, table } from '../../src/report/page.ts';
import type { Point } from '../../src/report/series.ts';
import { elementsOf } from './markup.ts';

const HOSTILE = `</svg><script>alert("1")</script>'&\u0000`;
const ESCAPED = '&lt;/svg&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp; ';

const chart = (changes: Partial<Chart> = {}): string =>
  lineChart({
    title: 'Throughput',
    x: { name: 'slots' },
    y: { name: 'jobs/s' },
    series: [
      {
        name: 'one',
        color: 0,
        points: [
          { x: 500, y: 20 },
          { x: 50, y: 10 },
        ],
      },
      {
        name: 'two',
        color: 1,
        line: 'bound',
        points: [
          { x: 50, y: 15 },
          { x: 500, y: 16 },
        ],
      },
    ],
    ...changes,
  });

it('text is escaped', () => {
  expect(escapeText(HOSTILE)).toBe(ESCAPED);
});

/** The d of the path that has all of these classes. */
function pathOf(svg: string, classes: string): string {
  return new RegExp(`<path class="${classes}" d="([^"]*)"`).exec(svg)?.[1] ?? '';
}

/** As many as there are, a point a second. */
const line = (values: readonly number[], spread = 0): Point[] =>
  values.map((y, x) => (spread === 0 ? { x, y } : { x, y, low: y - spread, high: y + spread }));

describe('a chart', () => {
  it('has a line a series, marks but on a bound, and a legend', () => {
    const svg = chart();
    const names = elementsOf(svg);
    expect(names.filter((name) => name === 'li')).toHaveLength(2);
    expect(pathOf(svg, 'mark c0')).toMatch(/^M[\d.]+ [\d.]+h0M[\d.]+ [\d.]+h0$/);
    expect(pathOf(svg, 'mark c1')).toBe('');
    expect(pathOf(svg, 'line bound c1')).toMatch(/^M[\d. ]+L[\d. ]+$/);
  });

  it('draws from left to right, inside its frame', () => {
    const path = pathOf(chart(), 'line solid c0');
    const [, x1, y1, x2, y2] = /^M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)$/.exec(path)!.map(Number);
    expect(x1).toBeLessThan(x2!);
    expect(y1).toBeGreaterThan(y2!);
    for (const place of [x1!, y1!, x2!, y2!]) expect(place >= 0 && place <= 1000).toBe(true);
  });

  it('draws a bound of one point all across, and not as if it had been measured', () => {
    const lone = { name: 'lone', color: 0, line: 'bound', points: [{ x: 1, y: 1 }] } as const;
    const svg = chart({ series: [lone] });
    expect([pathOf(svg, 'line bound c0'), pathOf(svg, 'mark c0')]).toEqual(['M0 0H1000', '']);
  });

  it('leaves out what is no number, and says where nothing is left', () => {
    const broken = { name: 'broken', color: 0, points: [{ x: 1, y: Number.NaN }] };
    expect(chart({ series: [broken] })).toContain('No figures.');
    expect(chart({ series: [broken, { ...broken, points: [{ x: 0, y: 0 }] }] })).not.toMatch(/NaN|Infinity/);
  });

  it('breaks its line at a gap; a point alone between gaps is a dot', () => {
    const points = line([1, 2, Number.NaN, 3, Number.NaN, 4, 5]);
    const path = pathOf(chart({ series: [{ name: 'a', color: 0, points }] }), 'line solid c0');
    expect(path.replace(/[\d.]+ [\d.]+/g, '')).toBe('MLMh0ML');
  });

  it('tells of an axis that is logarithmic, and takes 0 for a gap there', () => {
    expect(chart()).not.toContain('logarithmic');
    const points = line([0, 1, 1_000]);
    const svg = chart({ y: { name: 'ms', kind: 'log' }, series: [{ name: 'a', color: 0, points }] });
    expect(svg).toContain('>ms, logarithmic<');
    expect(svg).not.toMatch(/NaN|Infinity/);
    expect(pathOf(svg, 'line solid c0').replace(/[\d.]+ [\d.]+/g, '')).toBe('ML');
  });

  it('draws the spread of marks as bars', () => {
    const svg = chart({ series: [{ name: 'a', color: 0, points: line([10, 20], 2) }] });
    expect(pathOf(svg, 'spread c0')).toMatch(/^(M[\d.]+ [\d.]+V[\d.]+){2}$/);
    expect(svg).toContain('<b>20</b> (18–22)');
  });

  it('has neither marks nor bars on a line of many points, but a band', () => {
    const values = Array.from({ length: 50 }, (_, i) => (i === 20 ? Number.NaN : 10 + i));
    const svg = chart({ series: [{ name: 'a', color: 0, points: line(values, 1) }] });
    expect([pathOf(svg, 'mark c0'), pathOf(svg, 'spread c0')]).toEqual(['', '']);
    expect(pathOf(svg, 'band c0').match(/Z/g)).toHaveLength(2);
  });

  it('over time says when, in the words of a clock', () => {
    const series = [{ name: 'p99', color: 0, points: line(Array.from({ length: 601 }, (_, i) => i)) }];
    const svg = chart({ x: { name: 'time', kind: 'time' }, series });
    expect(svg).toContain('>10:00</span>');
    expect(svg).toContain('<b>1:00</b>');
  });

  it('has one legend of its own where colours and lines mean something each', () => {
    const svg = chart({ legend: [{ name: 'dashed ones', color: undefined, line: 'dashed' }] });
    expect(svg).toContain('<li><i class="sample dashed ink"></i>dashed ones</li>');
    expect(elementsOf(svg).filter((name) => name === 'li')).toHaveLength(1);
  });

  it('escapes every text', () => {
    const points = [{ x: 1, y: 1 }];
    const svg = chart({
      title: HOSTILE,
      x: { name: HOSTILE },
      y: { name: HOSTILE },
      series: [{ name: HOSTILE, color: 9, points }],
    });
    expect(elementsOf(svg)).not.toContain('script');
    expect(svg.split(ESCAPED).length).toBeGreaterThan(6);
  });
});

describe('the values of where one points', () => {
  it('are of all lines that have one there, a strip each, and of no point that a bound alone has', () => {
    const svg = chart();
    expect(svg.match(/class="at"/g)).toHaveLength(2);
    expect(svg).toContain('<b>50 slots</b>');
    expect(svg).toMatch(/<\/i>one: <b>10<\/b><\/p><p><i class="sample bound c1"><\/i>two: <b>15<\/b>/);
  });

  it('have strips that cover the plot, and are not more than the page can bear', () => {
    const series = [{ name: 'a', color: 0, points: line(Array.from({ length: 3_600 }, () => 1)) }];
    const svg = chart({ x: { name: 'time', kind: 'time' }, series });
    const widths = [...svg.matchAll(/class="at" tabindex="-1" style="left:[\d.]+%;width:([\d.]+)%/g)];
    expect(widths).toHaveLength(120);
    expect(widths.reduce((sum, [, width]) => sum + Number(width), 0)).toBeCloseTo(100, 0);
  });
});

describe('a page', () => {
  const html = page({
    title: HOSTILE,
    findings: [HOSTILE],
    notes: [HOSTILE],
    parts: [beside([chart(), chart()]), section(HOSTILE, [table([HOSTILE, 'b'], [[HOSTILE, '2']], [0])])],
  });

  it('is well-formed, has no script, and asks for nothing', () => {
    expect(elementsOf(html)).not.toContain('script');
    expect(html).not.toMatch(/https?:|src=|href=|url\(|@import| on[a-z]+=/);
    expect(html).toContain('content="default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;"');
  });

  it('escapes every text', () => {
    expect(html.split(ESCAPED)).toHaveLength(8);
  });

  it('has a light and a dark face, and fits a narrow screen', () => {
    expect(html).toContain('prefers-color-scheme: dark');
    expect(html).toContain('width=device-width');
    expect(html).toContain('.scroll { overflow-x: auto;');
  });
});
