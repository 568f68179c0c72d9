/** How much CPU and memory an API takes: from its own process where it is ours, else from its /metrics. */
import type { Child, Usage } from '../bench/child.ts';
import type { Target } from './shot.ts';

/** At one moment. */
export interface Reading {
  /** By any clock that goes on, in ms. */
  readonly at: number;
  readonly cpuMs: number;
  readonly memoryBytes: number;
  /** Jobs that Faktory has from it since it started, where it tells. */
  readonly stored: number | null;
}

const METRICS_LIMIT_MS = 5_000;

/** Of an API that is our own. */
export async function readChild(api: Child): Promise<Reading> {
  const [{ at, cpuMicros }, memoryBytes] = await Promise.all([
    api.call<Usage>('usage'),
    api.call<number>('memory'),
  ]);
  return { at, cpuMs: cpuMicros / 1_000, memoryBytes, stored: null };
}

/** Of any API; undefined where it shows none, or not in time. */
export async function readMetrics({ url, token }: Target): Promise<Reading | undefined> {
  try {
    const response = await fetch(`${url.replace(/\/+$/, '')}/metrics`, {
      ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
      signal: AbortSignal.timeout(METRICS_LIMIT_MS),
    });
    const text = await response.text();
    return response.ok ? readingOf(text, performance.now()) : undefined;
  } catch {
    return undefined;
  }
}

/** From a page in Prometheus' format. Pure. */
export function readingOf(page: string, at: number): Reading | undefined {
  const cpuSeconds = metricOf(page, 'process_cpu_seconds_total');
  const memoryBytes = metricOf(page, 'process_resident_memory_bytes');
  if (cpuSeconds === undefined || memoryBytes === undefined) return undefined;
  const stored = metricOf(page, 'millrace_api_jobs_total{outcome="stored"}');
  return { at, cpuMs: cpuSeconds * 1_000, memoryBytes, stored: stored ?? null };
}

function metricOf(page: string, name: string): number | undefined {
  const line = page.split('\n').find((each) => each.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length));
}

/** Of a slice of time. */
export interface LoadSlice {
  /** Its beginning, in seconds since the scenario's. */
  readonly second: number;
  /** Part of a core. */
  readonly cpu: number;
  readonly memoryBytes: number;
}

export interface ApiLoad {
  /** Part of a core, over all of the scenario. */
  readonly cpu: number;
  readonly memoryBefore: number;
  readonly memoryMost: number;
  readonly memoryAfter: number;
  readonly slices: readonly LoadSlice[];
}

/** What the readings, in order, come to. null where they are too few to tell. Pure. */
export function apiLoadOf(
  readings: readonly Reading[],
  lastOfLoad: number = readings.length - 1,
): ApiLoad | null {
  const [first] = readings;
  const last = readings[lastOfLoad];
  if (first === undefined || last === undefined || last.at <= first.at) return null;
  const slices = readings.slice(1).map((reading, i): LoadSlice => {
    const before = readings[i]!;
    const ms = reading.at - before.at;
    return {
      second: (before.at - first.at) / 1_000,
      cpu: ms > 0 ? (reading.cpuMs - before.cpuMs) / ms : 0,
      memoryBytes: reading.memoryBytes,
    };
  });
  return {
    cpu: (last.cpuMs - first.cpuMs) / (last.at - first.at),
    memoryBefore: first.memoryBytes,
    memoryMost: Math.max(...readings.map(({ memoryBytes }) => memoryBytes)),
    memoryAfter: readings.at(-1)!.memoryBytes,
    slices,
  };
}

/** Reads every so often, until it is told to end. */
export class Watch {
  readonly #read: () => Promise<Reading | undefined>;
  readonly #readings: Reading[] = [];
  readonly #timer: NodeJS.Timeout;
  #reading: Promise<void> | undefined;

  constructor(read: () => Promise<Reading | undefined>, everyMs: number) {
    this.#read = read;
    this.#timer = setInterval(() => void this.look().catch(() => {}), everyMs);
  }

  /** One more reading; how many there are. */
  async look(): Promise<number> {
    // One at a time: an API that is loaded answers late.
    this.#reading ??= this.#take().finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
    return this.#readings.length;
  }

  end(): readonly Reading[] {
    clearInterval(this.#timer);
    return this.#readings;
  }

  async #take(): Promise<void> {
    const reading = await this.#read();
    if (reading !== undefined) this.#readings.push(reading);
  }
}
