/** The report of a sweep, as one HTML file. Pure. */
import { COLORS, lineChart, type Point, type Series } from '../report/chart.ts';
import { page, table } from '../report/page.ts';
import { HEADER, type Result, type Results, rowOf } from './results.ts';
import type { Prefetch } from './sweep.ts';

const LAST_COLUMN = HEADER.length - 1;

export function reportOf(results: Results): string {
  const { cells } = results;
  return page({
    title: 'millrace bench',
    intro: introOf(results),
    parts: [
      throughput(results),
      perJob(cells, 'CPU per job', 'µs of the worker', (cell) => cell.cpuMicrosPerJob),
      perJob(cells, 'Bytes per job', 'bytes on the wire', (cell) => cell.bytesPerJob),
      table(HEADER, cells.map(rowOf), [LAST_COLUMN]),
    ],
  });
}

function introOf(results: Results): string[] {
  const { cells, cellsAsked, jobs, seconds, jobTimeMs } = results;
  const faktory = results.faktory === 'embedded' ? 'the embedded Faktory' : `Faktory at ${results.faktory}`;
  const handler = jobTimeMs === 0 ? 'do nothing' : `wait ${jobTimeMs} ms`;
  const early = cells.length < cellsAsked ? [`Ended early: ${cells.length} of ${cellsAsked} cells.`] : [];
  return [
    ...early,
    `millrace ${results.millrace} against ${faktory}, Node ${results.node}, ${results.cores} × ${results.cpu}, ${results.startedAt}.`,
    `Each cell is one measurement: ${jobs} jobs that ${handler}, or ${seconds} s, the first fifth left out. The latency is a round trip that a relay added; CPU is that of the worker's process; bytes are those that the relay counted, both directions together.`,
    "Prefetch 0: each slot is a fetch loop, so throughput rises with the slots along Little's bound (slots ÷ round trip and handler) until something else is short. Prefetch auto: jobs are fetched ahead, and only the handler's time counts.",
  ];
}

const seriesName = (latencyMs: number, prefetch: Prefetch): string => `${latencyMs} ms, prefetch ${prefetch}`;

const latenciesOf = (cells: readonly Result[]): number[] => [
  ...new Set(cells.map(({ latencyMs }) => latencyMs)),
];

/** A colour a latency; solid is auto, dashed is 0. */
function seriesOf(
  cells: readonly Result[],
  latencyMs: number,
  prefetch: Prefetch,
  value: (cell: Result) => number | null,
): { points: Point[]; color: number } {
  const points = cells
    .filter((cell) => cell.latencyMs === latencyMs && cell.prefetch === prefetch && cell.jobs > 0)
    .flatMap((cell) => {
      const y = value(cell);
      return y === null ? [] : [{ x: cell.concurrency, y }];
    });
  return { points, color: latenciesOf(cells).indexOf(latencyMs) % COLORS };
}

function throughput({ cells }: Results): string {
  const most = Math.max(...cells.map(({ jobsPerSecond }) => jobsPerSecond));
  const series = latenciesOf(cells).flatMap((latencyMs): Series[] => {
    const rate = (cell: Result): number => cell.jobsPerSecond;
    // Bounds far above all that was reached would press the rest together; they say nothing there.
    const bound = ({ littlesBound }: Result): number | null =>
      littlesBound !== null && littlesBound <= most * 3 ? littlesBound : null;
    return [
      { name: seriesName(latencyMs, 'auto'), ...seriesOf(cells, latencyMs, 'auto', rate) },
      { name: seriesName(latencyMs, 0), line: 'dashed', ...seriesOf(cells, latencyMs, 0, rate) },
      { name: `${latencyMs} ms, Little's bound`, line: 'bound', ...seriesOf(cells, latencyMs, 0, bound) },
    ];
  });
  return lineChart({ title: 'Throughput', xName: 'slots', yName: 'jobs/s', series });
}

function perJob(
  cells: readonly Result[],
  title: string,
  yName: string,
  value: (cell: Result) => number,
): string {
  const series = latenciesOf(cells).flatMap((latencyMs): Series[] => [
    { name: seriesName(latencyMs, 'auto'), ...seriesOf(cells, latencyMs, 'auto', value) },
    { name: seriesName(latencyMs, 0), line: 'dashed', ...seriesOf(cells, latencyMs, 0, value) },
  ]);
  return lineChart({ title, xName: 'slots', yName, series });
}
