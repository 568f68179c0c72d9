/** The report of a load, as one HTML file. Pure. */
import { number } from '../bench/results.ts';
import { lineChart } from '../report/chart.ts';
import { beside, page, paragraphs, section, table } from '../report/page.ts';
import type { Point, Series } from '../report/series.ts';
import { ms, percent, type Results, type ScenarioResult, tableOf, verdictOf } from './results.ts';
import type { Slice } from './tally.ts';

const X = { name: 'time', kind: 'time' } as const;
const FEW_SLICES = 3;
const GENERATOR_FULL = 0.9;

export function reportOf(results: Results): string {
  const { header, rows } = tableOf(results);
  return page({
    title: 'millrace load',
    findings: findingsOf(results),
    notes: [whereOf(results)],
    parts: [
      section('All scenarios', [table(header, rows, [0, header.length - 1])]),
      ...results.scenarios.map((result) => section(result.title, partsOf(result))),
      section('How it was measured', [paragraphs(METHOD)]),
    ],
  });
}

function findingsOf({ scenarios, leftOut, endedEarly }: Results): string[] {
  return [
    ...(endedEarly ? ['Ended early: what is here is not all that was asked for.'] : []),
    ...scenarios.map((result) => `${result.title}: ${rateOf(result)}; ${verdictOf(result)}.`),
    ...leftOut.map(({ title, leftOut: why }) => `${title}: left out; ${why}.`),
  ];
}

function rateOf({ acceptedPerSecond, latency }: ScenarioResult): string {
  const took = latency === null ? '' : `, p99 ${ms(latency.p99)} ms`;
  return `${number(acceptedPerSecond, 0)} accepted a second${took}`;
}

function whereOf({ api, faktory, millrace, node, cores, cpu, startedAt, connections }: Results): string {
  const of = api === null ? 'an API started for it' : `the API at ${api}`;
  const at =
    faktory === null
      ? ''
      : faktory === 'embedded'
        ? ', on the embedded Faktory'
        : `, on Faktory at ${faktory}`;
  const when = startedAt.replace(/^(.*)T(\d\d:\d\d).*$/, '$1 $2 UTC');
  return `millrace ${millrace} against ${of}${at}; ${connections} connections; Node ${node}; ${cores} × ${cpu}; ${when}.`;
}

function partsOf(result: ScenarioResult): string[] {
  const { sliceMs, api } = result;
  const [slices, executedSlices] = [whole(result.slices), whole(result.executedSlices)];
  const perSecond = (count: number): number => (count * 1_000) / sliceMs;
  const refused = slices.some((slice) => slice.refused > 0);
  const rates = lineChart({
    title: 'Requests',
    x: X,
    y: { name: 'each second', kind: 'linear' },
    series: [
      seriesOf('accepted', 0, slices, (slice) => perSecond(slice.accepted)),
      ...(refused ? [seriesOf('refused', 1, slices, (slice) => perSecond(slice.refused))] : []),
      ...(executedSlices.length > 0
        ? [seriesOf('executed', 2, executedSlices, (slice) => perSecond(slice.accepted), 'dashed')]
        : []),
    ],
  });
  const latency = lineChart({
    title: 'Until it is accepted',
    x: X,
    y: { name: 'ms' },
    series: percentilesOf(slices),
  });
  const endToEnd = lineChart({
    title: 'Until it is executed',
    x: X,
    y: { name: 'ms' },
    series: percentilesOf(executedSlices),
  });
  const charts = [
    latency,
    ...(result.endToEnd === null ? [] : [endToEnd]),
    ...(api === null ? [] : [cpuChart(result), memoryChart(result)]),
  ];
  return [paragraphs(notesOf(result)), rates, beside(charts)];
}

/** The last one is over before its time is: it would look like a fall. */
const whole = (slices: readonly Slice[]): readonly Slice[] =>
  slices.length > FEW_SLICES ? slices.slice(0, -1) : slices;

function notesOf(result: ScenarioResult): string[] {
  const { sent, accepted, refused, executed, dead, generatorCpu, overload, cut } = result;
  const parts = [
    `${number(sent, 0)} sent: ${number(accepted, 0)} accepted, ${number(refused, 0)} refused (${statuses(result)})`,
    ...(cut > 0 ? [`${number(cut, 0)} cut before their answer`] : []),
    ...(executed === null ? [] : [`${number(executed, 0)} executed`]),
    ...(dead === null ? [] : [`${number(dead, 0)} in Dead`]),
  ];
  const full = generatorCpu >= GENERATOR_FULL ? ': it, and not the API, was what bounded the rate' : '';
  const notes = [
    `${parts.join(', ')}. The generator of the load took ${percent(generatorCpu)} of a core${full}.`,
  ];
  if (overload === null) return notes;
  const { limit, inFlight, refusedFull, retryAfters, usualP99, recoveryMs } = overload;
  const limits = limit === null ? '' : `, PUSH_MAX_IN_FLIGHT=${limit}`;
  return [
    ...notes,
    `${number(inFlight, 0)} requests in flight${limits}: ${number(refusedFull, 0)} were answered 503, ${number(retryAfters, 0)} of those with Retry-After. A quiet client's p99 was ${ms(usualP99 ?? undefined)} ms before; it was served so again ${ms(recoveryMs ?? undefined)} ms after the overload.`,
  ];
}

const statuses = ({ byStatus }: ScenarioResult): string =>
  Object.entries(byStatus)
    .map(([status, count]) => `${status}: ${number(count, 0)}`)
    .join(', ');

function percentilesOf(slices: readonly Slice[]): Series[] {
  return [
    seriesOf('p50', 0, slices, ({ p50 }) => p50 ?? Number.NaN),
    seriesOf('p99', 1, slices, ({ p99 }) => p99 ?? Number.NaN),
  ];
}

function cpuChart({ api }: ScenarioResult): string {
  const points = (api?.slices ?? []).map(({ second, cpu }): Point => ({ x: second, y: cpu * 100 }));
  return lineChart({
    title: 'CPU of the API',
    x: X,
    y: { name: '% of a core', kind: 'linear' },
    series: [{ name: 'CPU', color: 0, points }],
  });
}

function memoryChart({ api }: ScenarioResult): string {
  const points = (api?.slices ?? []).map(
    ({ second, memoryBytes }): Point => ({ x: second, y: memoryBytes / 1e6 }),
  );
  return lineChart({
    title: 'Memory of the API',
    x: X,
    y: { name: 'MB resident', kind: 'linear' },
    series: [{ name: 'memory', color: 0, points }],
  });
}

function seriesOf(
  name: string,
  color: number,
  slices: readonly Slice[],
  of: (slice: Slice) => number,
  line: 'solid' | 'dashed' = 'solid',
): Series {
  return { name, color, line, points: slices.map((slice) => ({ x: slice.second, y: of(slice) })) };
}

const METHOD = [
  'Requests come from a process of their own: autocannon on so many connections, each asking again as soon as it is answered; or, where a rate is held, each request at its time whether those before it are answered or not, its latency counted from then. Figures of latency are of requests that were accepted (2xx): Faktory has the job then.',
  'Executed: a worker of the load ran the job, 500 slots, with a handler that does nothing. From submitted to executed counts from the making of the request to the start of the handler. Each request is accounted for: accepted and refused are all that were sent, executed and dead are all that were accepted.',
  'CPU and memory are those of the process of the API, or of the API at the URL as its /metrics tell them. All processes share the cores of the machine that they run on.',
];
