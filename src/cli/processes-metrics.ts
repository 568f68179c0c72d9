/** WORKER_PROCESSES, API_PROCESSES: one /metrics page for all. Loaded only where metrics are served. */
import { AggregatorRegistry, Registry } from 'prom-client';
import { counter, gauge } from '../metrics.ts';
import type { Kind } from './processes-fork.ts';
import type { Metrics } from './processes-ipc.ts';

/** What each process tells of the same thing, or what means nothing as a sum. All others are added up. */
const MERGED_BY: Readonly<Record<string, 'max' | 'min'>> = {
  millrace_worker_round_trip_seconds: 'max',
  millrace_worker_oldest_report_seconds: 'max',
  millrace_worker_breaker_state: 'max',
  millrace_worker_connected: 'min',
  millrace_push_connected: 'min',
  millrace_queue_size: 'max',
  millrace_queue_latency_seconds: 'max',
  millrace_set_size: 'max',
  millrace_partitions_ownerless: 'max',
};

/** One metric of several processes' each. */
export function mergeMetrics(all: readonly Metrics[]): Registry {
  return AggregatorRegistry.aggregate(
    all.map((metrics) =>
      metrics.map((metric) => ({ ...metric, aggregator: MERGED_BY[metric.name] ?? metric.aggregator })),
    ),
  );
}

export interface Processes {
  /** What each process that lives answers, by a key that is never used again; undefined: nothing in time. */
  metrics(): Promise<ReadonlyMap<number, Metrics | undefined>>;
  readonly alive: number;
  readonly replaced: number;
}

/**
 * The sum of all processes' metrics, asked for at each scrape. What was counted by one that died, or that does not
 * answer, stays in as it was last seen: a counter that fell by a process's share would look to Prometheus as if it
 * had begun again at zero, and its rate would leap by all that is left.
 */
export class ProcessesRegistry extends Registry {
  readonly #processes: Processes;
  readonly #own = new Registry();
  readonly #seen = new Map<number, Metrics>();
  #gone: Metrics = [];

  constructor(processes: Processes, kind: Kind) {
    super();
    this.#processes = processes;
    const setting = `${kind.toUpperCase()}_PROCESSES`;
    gauge(this.#own, `millrace_${kind}_processes`, `Processes that live (${setting})`, () => processes.alive);
    counter(
      this.#own,
      `millrace_${kind}_processes_replaced_total`,
      `Processes that ended by themselves and were replaced (${setting})`,
      () => processes.replaced,
    );
  }

  override async metrics(): Promise<string> {
    const own = await this.#own.getMetricsAsJSON();
    const answers = await this.#processes.metrics();
    for (const [key, seen] of this.#seen) {
      if (answers.has(key)) continue;
      this.#seen.delete(key);
      this.#gone = listOf(mergeMetrics([this.#gone, seen]));
    }
    const all = [own, this.#gone];
    for (const [key, metrics] of answers) {
      if (metrics !== undefined) this.#seen.set(key, countedOf(metrics));
      all.push(metrics ?? this.#seen.get(key) ?? []);
    }
    return mergeMetrics(all).metrics();
  }
}

/** What only rises. */
function countedOf(metrics: Metrics): Metrics {
  // Their type says that `type` is a number; it is the word.
  return metrics.filter(({ type }) => ['counter', 'histogram'].includes(String(type)));
}

/** A merged registry holds what it merged as it is. */
function listOf(registry: Registry): Metrics {
  return registry.getMetricsAsArray() as Metrics;
}
