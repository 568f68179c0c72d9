/** A worker in Prometheus' format. */
import type { Registry } from 'prom-client';
import { addBudgetMetrics } from '../connection/budget-metrics.ts';
import { counter, gauge, histogram, type Labels } from '../metrics.ts';
import { addPartitionMetrics } from '../partitions/metrics.ts';
import type { BreakerState } from './breaker.ts';
import { OUTCOMES } from './job-tally.ts';
import type { LanePurpose, WorkerStats } from './life.ts';
import type { PartitionStats } from './partitions/partitions.ts';
import type { Worker } from './worker.ts';

type NumberOf = { [K in keyof WorkerStats]: WorkerStats[K] extends number ? K : never }[keyof WorkerStats];

/** What is held just now, by the name of its metric. */
const GAUGES: readonly [name: string, key: NumberOf, help: string][] = [
  ['concurrency', 'concurrency', 'Slots: handlers that may run at once'],
  ['running', 'running', 'Handlers that run'],
  ['free', 'free', 'Slots that are free'],
  ['ready', 'ready', 'Jobs that wait for a slot'],
  ['gathered', 'gathered', 'Jobs that wait for their batch'],
  ['zombies', 'zombies', 'Handlers that run on though they have lost their slot'],
  ['outstanding', 'outstanding', 'FETCHes on their way, or waiting at Faktory'],
  [
    'results_waiting',
    'resultsWaiting',
    'Results that have not reached their reducers: they wait for others or are pushed',
  ],
  ['unmended', 'unmended', 'Jobs whose FAIL Faktory has lost, or may have, that no copy stands for yet'],
  ['unreported', 'unreported', 'ACKs and FAILs that Faktory has not answered'],
];

/** What has been counted since the start. */
const COUNTERS: readonly [name: string, key: NumberOf, help: string][] = [
  ['stranded', 'stranded', 'FETCHes that lost sockets have left behind'],
  ['tokens', 'tokens', 'Wake tokens that came back'],
  ['resent', 'resent', 'Reports sent again after a loss or an error'],
  ['mended', 'mended', 'Copies pushed for jobs whose FAIL Faktory has lost'],
  ['results', 'resultsSent', 'Results stored for their reducers'],
  ['reducer_jobs', 'reducerJobs', 'Jobs that they were stored in'],
  ['slow_commands', 'slowCommands', 'ACKs and FAILs answered after more than SLOW_MS'],
  ['event_loop_blocks', 'eventLoopBlocks', 'Standstills of the event loop of 250 ms and more'],
];

const PURPOSES: readonly LanePurpose[] = ['control', 'fetch', 'ack'];
const BREAKER_STATES: Record<BreakerState, number> = { closed: 0, 'half-open': 1, open: 2 };

/** Adds the metrics of a worker, named `millrace_worker_…`, to a registry. */
export function addWorkerMetrics(registry: Registry, worker: Worker): void {
  for (const [name, key, help] of GAUGES) {
    gauge(registry, `millrace_worker_${name}`, help, () => worker.stats()[key]);
  }
  for (const [name, key, help] of COUNTERS) {
    counter(registry, `millrace_worker_${name}_total`, help, () => worker.stats()[key]);
  }
  addJobMetrics(registry, worker);
  addLinkMetrics(registry, worker);
  addPartitionMetrics(registry, () => worker.partitionHolders);
  addTurnMetrics(registry, worker);
}

/** Of jobs that wait for their turn in a partition. */
function addTurnMetrics(registry: Registry, worker: Worker): void {
  const read = (key: keyof PartitionStats) => (): number => worker.stats().partitions?.[key] ?? 0;
  gauge(
    registry,
    'millrace_partitions_held_jobs',
    'Jobs of partitions that wait for their turn.',
    read('held'),
  );
  gauge(
    registry,
    'millrace_partitions_paused',
    'Partitions whose job has used up its tries, and that wait for it.',
    read('paused'),
  );
  gauge(
    registry,
    'millrace_partitions_gaps',
    'Partitions in which later jobs wait for a missing one.',
    read('gaps'),
  );
  counter(
    registry,
    'millrace_partitions_skipped_total',
    'Missing jobs that partitions went on without.',
    read('skipped'),
  );
  counter(registry, 'millrace_partitions_late_total', 'Jobs that ran after their turn.', read('late'));
}

function addJobMetrics(registry: Registry, worker: Worker): void {
  counter(registry, 'millrace_worker_jobs_total', 'Jobs, by how they ended', () =>
    [...worker.tallies].flatMap(([jobtype, tally]) =>
      OUTCOMES.map((outcome) => [{ jobtype, outcome }, tally.outcomes[outcome]] as const),
    ),
  );
  histogram(registry, 'millrace_worker_handler_seconds', 'How long handlers take', () =>
    [...worker.tallies].map(([jobtype, { seconds }]) => [{ jobtype }, seconds] as const),
  );
  histogram(registry, 'millrace_worker_batch_jobs', 'How many jobs the calls of batch handlers get', () =>
    [...worker.tallies].flatMap(([jobtype, { batchJobs }]) =>
      batchJobs === undefined ? [] : [[{ jobtype }, batchJobs] as const],
    ),
  );
  counter(registry, 'millrace_worker_slow_handlers_total', 'Runs of over SLOW_MS', () =>
    [...worker.tallies].map(([jobtype, { slow }]) => [{ jobtype }, slow] as const),
  );
  gauge(registry, 'millrace_worker_breaker_state', 'Circuit breakers: 0 closed, 1 half-open, 2 open', () =>
    worker.stats().breakers.map(({ name, state }) => [{ breaker: name }, BREAKER_STATES[state]] as const),
  );
  gauge(registry, 'millrace_worker_limited_running', 'Handlers of limited jobtypes that run', () =>
    worker.stats().limits.map(({ jobtype, running }) => [{ jobtype }, running] as const),
  );
  gauge(registry, 'millrace_worker_limited_waiting', 'Jobs that are fetched and wait for their limit', () =>
    worker.stats().limits.map(({ jobtype, waiting }) => [{ jobtype }, waiting] as const),
  );
  gauge(
    registry,
    'millrace_worker_oldest_report_seconds',
    'How long the oldest unanswered ACK or FAIL waits',
    () => worker.stats().oldestReportMs / 1_000,
  );
}

function addLinkMetrics(registry: Registry, worker: Worker): void {
  gauge(
    registry,
    'millrace_worker_round_trip_seconds',
    'The least round trip of the beats of the last five seconds',
    () => worker.stats().roundTripMs / 1_000,
  );
  gauge(registry, 'millrace_worker_connected', 'Whether Faktory can be reached', () =>
    worker.connected ? 1 : 0,
  );
  gauge(registry, 'millrace_worker_lanes', 'Sockets to Faktory, by purpose and state', () => {
    const { lanes } = worker.stats();
    return PURPOSES.flatMap((purpose) => {
      const { ready, connecting, releasing } = lanes[purpose];
      return Object.entries({ ready, connecting, releasing }).map(([state, count]): [Labels, number] => [
        { purpose, state },
        count,
      ]);
    });
  });
  counter(registry, 'millrace_worker_lanes_lost_total', 'Sockets lost and replaced, by purpose', () => {
    const { lanes } = worker.stats();
    return PURPOSES.map((purpose) => [{ purpose }, lanes[purpose].lost] as const);
  });
  addBudgetMetrics(registry, () => {
    const { connections, maxConnections } = worker.stats();
    return { used: connections, limit: maxConnections };
  });
}
