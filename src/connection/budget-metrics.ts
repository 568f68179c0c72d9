import type { Registry } from 'prom-client';
import { gauge } from '../metrics.ts';

/** Adds the sockets of a process, once: its client and its worker share a budget. */
export function addBudgetMetrics(registry: Registry, read: () => { used: number; limit: number }): void {
  if (registry.getSingleMetric('millrace_connections') !== undefined) return;
  gauge(registry, 'millrace_connections', 'Sockets to Faktory of this process', () => read().used);
  gauge(
    registry,
    'millrace_connections_max',
    'Sockets to Faktory that this process may have (FAKTORY_MAX_CONNECTIONS)',
    () => read().limit,
  );
}
