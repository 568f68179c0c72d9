import { describe, expect, it } from 'vitest';
import { type Chart, lineChart } from '../../src/report/chart.ts';
import { escapeText } from '../../src/report/escape.ts';
import { page, table } from '../../src/report/page.ts';
import { elementsOf } from './markup.ts';

const HOSTILE = `</svg><script>alert("1")</script>'&\u0000`;
const ESCAPED = '&lt;/svg&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp; ';

const chart = (changes: Partial<Chart> = {}): string =>
  lineChart({
    title: 'Throughput',
    xName: 'slots',
    yName: 'jobs/s',
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

describe('a chart', () => {
  it('has a line a series, a mark a point but on a bound, and a legend', () => {
    const svg = chart();
    const names = elementsOf(svg);
    expect(names.filter((name) => name === 'circle')).toHaveLength(2);
    expect(names.filter((name) => name === 'li')).toHaveLength(2);
    expect(svg.match(/class="line bound c1" d="M/g)).toHaveLength(2);
  });

  it('draws from left to right, inside its frame', () => {
    const [, x1, y1, x2, y2] = /solid c0" d="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)"/
      .exec(chart())!
      .map(Number);
    expect(x1).toBeLessThan(x2!);
    expect(y1).toBeGreaterThan(y2!);
    expect([x1! >= 68, x2! <= 536, y1! <= 266, y2! >= 14]).toEqual([true, true, true, true]);
  });

  it('marks a bound of one point, which has no line to be seen by', () => {
    const lone = { name: 'lone', color: 0, line: 'bound', points: [{ x: 1, y: 1 }] } as const;
    expect(elementsOf(chart({ series: [lone] }))).toContain('circle');
  });

  it('leaves out what is no number, and says where nothing is left', () => {
    const broken = { name: 'broken', color: 0, points: [{ x: 1, y: Number.NaN }] };
    expect(chart({ series: [broken] })).toContain('No figures.');
    expect(chart({ series: [broken, { ...broken, points: [{ x: 0, y: 0 }] }] })).not.toMatch(/NaN|Infinity/);
  });

  it('tells of an axis that is logarithmic', () => {
    const points = [
      { x: 1, y: 1 },
      { x: 100, y: 1_000 },
    ];
    expect(chart()).not.toContain('logarithmic');
    expect(chart({ series: [{ name: 'a', color: 0, points }] })).toContain(
      '(logarithmic across and upwards)',
    );
  });

  it('escapes every text', () => {
    const points = [{ x: 1, y: 1 }];
    const svg = chart({
      title: HOSTILE,
      xName: HOSTILE,
      yName: HOSTILE,
      series: [{ name: HOSTILE, color: 9, points }],
    });
    expect(elementsOf(svg)).not.toContain('script');
    expect(svg.split(ESCAPED).length).toBeGreaterThan(6);
  });
});

describe('a page', () => {
  const html = page({
    title: HOSTILE,
    intro: [HOSTILE],
    parts: [chart(), table([HOSTILE, 'b'], [[HOSTILE, '2']], [0])],
  });

  it('is well-formed, has no script, and asks for nothing', () => {
    expect(elementsOf(html)).not.toContain('script');
    expect(html).not.toMatch(/https?:|src=|href=|url\(|@import| on[a-z]+=/);
    expect(html).toContain('content="default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;"');
  });

  it('escapes every text', () => {
    expect(html.split(ESCAPED)).toHaveLength(6);
  });

  it('has a light and a dark face, and fits a narrow screen', () => {
    expect(html).toContain('prefers-color-scheme: dark');
    expect(html).toContain('width=device-width');
    expect(html).toContain('.scroll { overflow-x: auto; }');
  });
});
