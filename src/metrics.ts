/**
 * Metrics in Prometheus' format, read at each scrape from numbers that are kept anyway: nothing is counted twice, and a
 * process that nobody scrapes pays nothing. Loaded only where metrics are served.
 */
import { collectDefaultMetrics, type Metric, Registry } from 'prom-client';
import type { Histogram } from './tally.ts';

export type Labels = Readonly<Record<string, string>>;
/** One value, or one for each set of labels. */
export type Reading = number | readonly (readonly [Labels, number])[];

interface Sample {
  metricName?: string;
  labels: Labels;
  value: number;
}

/** A registry of its own, with Node's own metrics: memory, CPU, event loop. */
export function newRegistry(): Registry {
  const register = new Registry();
  collectDefaultMetrics({ register });
  return register;
}

/** What may go up and down. */
export function gauge(
  registry: Registry,
  name: string,
  help: string,
  read: () => Reading | Promise<Reading>,
): void {
  add(registry, name, help, 'gauge', async () => samplesOf(await read()));
}

/** What only rises; by custom its name ends in `_total`. */
export function counter(registry: Registry, name: string, help: string, read: () => Reading): void {
  add(registry, name, help, 'counter', () => samplesOf(read()));
}

export function histogram(
  registry: Registry,
  name: string,
  help: string,
  read: () => Iterable<readonly [Labels, Histogram]>,
): void {
  add(registry, name, help, 'histogram', () =>
    [...read()].flatMap(([labels, each]) => bucketsOf(name, labels, each)),
  );
}

function add(
  registry: Registry,
  name: string,
  help: string,
  type: string,
  read: () => Sample[] | Promise<Sample[]>,
): void {
  // The registry asks its metrics for no more than this.
  const get = async () => ({ name, help, type, aggregator: 'sum', values: await read() });
  registry.registerMetric({ name, help, type, aggregator: 'sum', get } as unknown as Metric);
}

function samplesOf(reading: Reading): Sample[] {
  if (typeof reading === 'number') return [{ labels: {}, value: reading }];
  return reading.map(([labels, value]) => ({ labels, value }));
}

/** As Prometheus wants them: cumulative, the last one without bound. */
function bucketsOf(name: string, labels: Labels, { bounds, counts, sum, count }: Histogram): Sample[] {
  let below = 0;
  const samples: Sample[] = bounds.map((bound, at) => {
    below += counts[at]!;
    return { metricName: `${name}_bucket`, labels: { ...labels, le: String(bound) }, value: below };
  });
  samples.push({ metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count });
  samples.push({ metricName: `${name}_sum`, labels, value: sum });
  samples.push({ metricName: `${name}_count`, labels, value: count });
  return samples;
}
