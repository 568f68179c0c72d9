import type { Registry } from 'prom-client';
import { gauge } from '../metrics.ts';
import { within } from '../within.ts';
import type { QueueReport } from './queue-report.ts';

/** Faktory's own slowness must not become that of a scrape. */
const DEADLINE_MS = 1_000;

/** Adds what Faktory tells of its queues and sets, `millrace_queue_…`; nothing is shown while it does not answer. */
export function addQueueMetrics(registry: Registry, ask: () => Promise<QueueReport>): void {
  // The metrics of one scrape are read together: they share one look.
  let looking: Promise<QueueReport | undefined> | undefined;
  const look = (): Promise<QueueReport | undefined> => {
    looking ??= within(
      ask().catch(() => undefined),
      DEADLINE_MS,
    ).finally(() => {
      looking = undefined;
    });
    return looking;
  };
  gauge(registry, 'millrace_queue_size', 'Jobs that wait in each queue of Faktory', async () =>
    Object.entries((await look())?.queues ?? {}).map(([queue, { size }]) => [{ queue }, size] as const),
  );
  gauge(
    registry,
    'millrace_queue_latency_seconds',
    'How long the oldest job of each queue has waited',
    async () =>
      Object.entries((await look())?.queues ?? {}).flatMap(([queue, { latencySeconds }]) =>
        latencySeconds === undefined ? [] : [[{ queue }, latencySeconds] as const],
      ),
  );
  gauge(registry, 'millrace_set_size', 'Jobs in Scheduled, Working, Retries and Dead', async () =>
    Object.entries((await look())?.sets ?? {}).map(([set, size]) => [{ set }, size] as const),
  );
}
