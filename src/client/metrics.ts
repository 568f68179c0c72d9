import type { Registry } from 'prom-client';
import { addBudgetMetrics } from '../connection/budget-metrics.ts';
import { addQueueMetrics } from '../connection/queue-metrics.ts';
import { gauge } from '../metrics.ts';
import { addPushMetrics } from '../pushing/metrics.ts';
import type { Client } from './client.ts';

/** Adds what a client pushes, `millrace_push_…`, and what Faktory tells of its queues and sets. */
export function addClientMetrics(registry: Registry, client: Client): void {
  addPushMetrics(registry, () => client.stats());
  gauge(registry, 'millrace_push_connected', 'Whether Faktory can be reached', () =>
    client.connected ? 1 : 0,
  );
  addBudgetMetrics(registry, () => client.stats().sockets);
  addQueueMetrics(registry, () => client.queueReport());
}
