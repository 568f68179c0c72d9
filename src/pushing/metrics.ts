/** What is pushed, in Prometheus' format. */
import type { Registry } from 'prom-client';
import type { LaneCounts } from '../connection/lanes.ts';
import { counter, gauge, histogram } from '../metrics.ts';
import type { PusherStats } from './pusher.ts';

export interface PushingStats extends PusherStats {
  readonly lanes: LaneCounts;
}

/** Adds the metrics of what pushes, named `millrace_push_…`. */
export function addPushMetrics(registry: Registry, stats: () => PushingStats): void {
  gauge(registry, 'millrace_push_in_flight', 'Jobs on their way to Faktory', () => stats().inFlight);
  gauge(
    registry,
    'millrace_push_in_flight_max',
    'At so many producers wait, until half of them are stored (PUSH_MAX_IN_FLIGHT)',
    () => stats().maxInFlight,
  );
  gauge(
    registry,
    'millrace_push_in_flight_bytes',
    'Bytes on their way to Faktory',
    () => stats().inFlightBytes,
  );
  gauge(
    registry,
    'millrace_push_in_flight_bytes_max',
    'And at so many bytes (PUSH_MAX_IN_FLIGHT_BYTES)',
    () => stats().maxInFlightBytes,
  );
  counter(registry, 'millrace_push_jobs_total', 'Jobs pushed, by what became of them', () => {
    const { stored, refused, unknown, unsent } = stats();
    return Object.entries({ stored, refused, unknown, unsent }).map(
      ([outcome, count]) => [{ outcome }, count] as const,
    );
  });
  counter(
    registry,
    'millrace_push_resent_total',
    'Jobs sent again because their outcome was unknown',
    () => stats().resent,
  );
  histogram(registry, 'millrace_push_bulk_jobs', 'Jobs in a PUSHB', () => [[{}, stats().pushbJobs]]);
  histogram(registry, 'millrace_push_bulk_seconds', 'From a PUSHB to its answer', () => [
    [{}, stats().pushbSeconds],
  ]);
  counter(
    registry,
    'millrace_push_slow_total',
    'PUSHBs answered after more than SLOW_MS',
    () => stats().slow,
  );
  gauge(registry, 'millrace_push_lanes', 'Sockets that push, by state', () => {
    const { ready, connecting, releasing } = stats().lanes;
    return Object.entries({ ready, connecting, releasing }).map(([state, n]) => [{ state }, n] as const);
  });
  counter(
    registry,
    'millrace_push_lanes_lost_total',
    'Sockets that push, lost and replaced',
    () => stats().lanes.lost,
  );
}
