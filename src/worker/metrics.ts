/** A worker in Prometheus' format: what `stats()` tells, asked at each scrape. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { WorkerStats } from './life.ts';
import type { Worker } from './worker.ts';

type Numbers = { [K in keyof WorkerStats as WorkerStats[K] extends number ? K : never]: string };

/** What is held just now. */
const GAUGES: Partial<Numbers> = {
  concurrency: 'Slots: handlers that may run at once',
  running: 'Handlers that run',
  ready: 'Jobs that wait for a slot',
  outstanding: 'FETCHes on their way, or waiting at Faktory',
  unreported: 'ACKs and FAILs that Faktory has not answered',
  fetchLanes: 'Fetch lanes that are up',
  ackLanes: 'Ack lanes that are up',
};

/** What has been counted since the start. */
const COUNTERS: Partial<Numbers> = {
  done: 'Jobs whose handler ended well',
  failed: 'Jobs whose handler threw',
  handedBack: 'Jobs given back to Faktory',
  late: 'Jobs whose reservation ran out before their report',
  stranded: 'FETCHes that lost sockets have left behind',
};

/** Adds the metrics of a worker, named `millrace_worker_…`, to a registry. */
export function addWorkerMetrics(registry: Registry, worker: Worker): void {
  const registers = [registry];
  for (const [key, help] of Object.entries(GAUGES) as [keyof Numbers, string][]) {
    new Gauge({
      name: `millrace_worker_${snake(key)}`,
      help,
      registers,
      collect() {
        this.set(worker.stats()[key]);
      },
    });
  }
  new Gauge({
    name: 'millrace_worker_round_trip_seconds',
    help: 'The least of the last ten beats',
    registers,
    collect() {
      this.set(worker.stats().roundTripMs / 1_000);
    },
  });
  for (const [key, help] of Object.entries(COUNTERS) as [keyof Numbers, string][]) {
    new Counter({
      name: `millrace_worker_${snake(key)}_total`,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(worker.stats()[key]);
      },
    });
  }
}

function snake(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
