import type { Registry } from 'prom-client';
import { addQueueMetrics } from '../connection/queue-metrics.ts';
import { addPushMetrics } from '../pushing/metrics.ts';
import type { Client } from './client.ts';

/** Adds what a client pushes, `millrace_push_…`, and what Faktory tells of its queues and sets. */
export function addClientMetrics(registry: Registry, client: Client): void {
  addPushMetrics(registry, () => client.stats());
  addQueueMetrics(registry, () => client.queueReport());
}
