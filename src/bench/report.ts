/** The report of a sweep, as one HTML file. Pure. */
import { lineChart } from '../report/chart.ts';
import { beside, page, paragraphs, section, table } from '../report/page.ts';
import type { Point, Sample, Series } from '../report/series.ts';
import { findingsOf } from './findings.ts';
import { type Result, type Results, tableOf } from './results.ts';
import type { SpreadKey } from './rounds.ts';
import type { Prefetch } from './sweep.ts';

/** A bound that is so far above all that was reached says nothing there, and would press the rest together. */
const BOUND_SHOWN_TO = 1.25;
/** Between two concurrencies: straight on no axis but that of both kinds alike. */
const BOUND_STEPS = 32;
const X = { name: 'slots', kind: 'values' } as const;

export function reportOf(results: Results): string {
  const { cells } = results;
  const { header, rows } = tableOf(results);
  return page({
    title: 'millrace bench',
    findings: [...early(results), ...findingsOf(cells)],
    notes: [whereOf(results)],
    parts: [
      throughput(cells),
      beside([
        perJob(cells, 'CPU per job', 'µs of the worker', 'cpuMicrosPerJob'),
        perJob(cells, 'Bytes per job', 'both directions', 'bytesPerJob'),
      ]),
      section('All cells, and what bounded each', [table(header, rows, [header.length - 1])]),
      section('How it was measured', [paragraphs(methodOf(results))]),
    ],
  });
}

function early({ cells, cellsAsked, rounds }: Results): string[] {
  const whole = cells.filter((cell) => cell.rounds.length === rounds).length;
  return whole < cellsAsked ? [`Ended early: ${whole} of ${cellsAsked} cells have all their rounds.`] : [];
}

function whereOf({ faktory, millrace, node, cores, cpu, startedAt }: Results): string {
  const at = faktory === 'embedded' ? 'the embedded Faktory' : `Faktory at ${faktory}`;
  const when = startedAt.replace(/^(.*)T(\d\d:\d\d).*$/, '$1 $2 UTC');
  return `millrace ${millrace} against ${at}; Node ${node}; ${cores} × ${cpu}; ${when}.`;
}

function methodOf({ jobs, seconds, jobTimeMs, rounds }: Results): string[] {
  const handler = jobTimeMs === 0 ? 'do nothing' : `wait ${jobTimeMs} ms`;
  const one = `${jobs.toLocaleString('en-US')} jobs that ${handler}, or ${seconds} s, the first fifth left out`;
  const medians =
    rounds === 1
      ? `Each figure is one measurement: ${one}.`
      : `Each figure is the median of ${rounds} measurements, prefetch 0 and auto by turns; bars and the column from–to have the least and the most of them. A measurement is ${one}.`;
  return [
    `${medians} The latency is a round trip that a relay added; CPU is that of the worker's process; bytes are those that the relay counted.`,
    "Prefetch 0: each slot is a fetch loop, so throughput rises with the slots along Little's bound (slots ÷ round trip and handler) until something else is short. Prefetch auto: jobs are fetched ahead, and only the handler's time counts. Where a bound is far above all that was reached it is not drawn; the table has it.",
  ];
}

const MODES = [
  { prefetch: 'auto', line: 'solid' },
  { prefetch: 0, line: 'dashed' },
] as const;

const latenciesOf = (cells: readonly Result[]): number[] => [
  ...new Set(cells.map(({ latencyMs }) => latencyMs)),
];

const pick = (cells: readonly Result[], latencyMs: number, prefetch: Prefetch): Result[] =>
  cells
    .filter((cell) => cell.latencyMs === latencyMs && cell.prefetch === prefetch && cell.jobs > 0)
    .sort((a, b) => a.concurrency - b.concurrency);

/** A colour a latency; solid is auto, dashed is 0. */
function measuredSeries(cells: readonly Result[], key: SpreadKey): Series[] {
  return latenciesOf(cells).flatMap((latencyMs, color) =>
    MODES.map(({ prefetch, line }): Series => {
      const points = pick(cells, latencyMs, prefetch).map((cell): Point => {
        const { least, most } = cell.spread[key];
        const spread = cell.rounds.length > 1 ? { low: least, high: most } : {};
        return { x: cell.concurrency, y: cell[key], ...spread };
      });
      return { name: `${latencyMs} ms, prefetch ${prefetch}`, color, line, points };
    }),
  );
}

/** So that colours and kinds of line are told once each, not all their pairs. */
function legendOf(cells: readonly Result[], hasBounds: boolean): Sample[] {
  return [
    ...latenciesOf(cells).map((latencyMs, color): Sample => ({ name: `${latencyMs} ms added`, color })),
    ...MODES.map(({ prefetch, line }): Sample => ({ name: `prefetch ${prefetch}`, color: undefined, line })),
    ...(hasBounds ? [{ name: "Little's bound", color: undefined, line: 'bound' } as const] : []),
  ];
}

function throughput(cells: readonly Result[]): string {
  const top = Math.max(...cells.map(({ jobsPerSecond }) => jobsPerSecond)) * BOUND_SHOWN_TO;
  const bounds = latenciesOf(cells).flatMap((latencyMs, color) =>
    MODES.flatMap(({ prefetch }): Series[] => {
      const all = boundOf(pick(cells, latencyMs, prefetch));
      const points = all.filter(({ y }) => y <= top);
      // One point that is left of a curve would be a line all across.
      if (points.length === 0 || (points.length === 1 && all.length > 1)) return [];
      const name = `${latencyMs} ms, Little's bound${prefetch === 'auto' ? ', auto' : ''}`;
      return [{ name, color, line: 'bound', points }];
    }),
  );
  return lineChart({
    title: 'Throughput',
    x: X,
    y: { name: 'jobs/s' },
    series: [...bounds, ...measuredSeries(cells, 'jobsPerSecond')].sort(byColor),
    legend: legendOf(cells, bounds.length > 0),
  });
}

/** Beneath one another in the tips. */
const byColor = (a: Series, b: Series): number => (a.color ?? 0) - (b.color ?? 0);

/** A curve through the bounds of all cells: between them a job is held for a time between theirs. */
function boundOf(cells: readonly Result[]): Point[] {
  const bounded = cells.flatMap(({ concurrency, littlesBound }) =>
    littlesBound === null ? [] : [{ slots: concurrency, held: concurrency / littlesBound, littlesBound }],
  );
  return bounded.flatMap(({ slots, held, littlesBound }, i) => {
    const here = { x: slots, y: littlesBound };
    const next = bounded[i + 1];
    if (next === undefined) return [here];
    const between = Array.from({ length: BOUND_STEPS - 1 }, (_, step): Point => {
      const part = (step + 1) / BOUND_STEPS;
      const x = slots * (next.slots / slots) ** part;
      return { x, y: x / (held + (next.held - held) * part) };
    });
    return [here, ...between];
  });
}

function perJob(cells: readonly Result[], title: string, yName: string, key: SpreadKey): string {
  return lineChart({
    title,
    x: X,
    y: { name: yName, kind: 'linear' },
    series: measuredSeries(cells, key),
    legend: legendOf(cells, false),
  });
}
