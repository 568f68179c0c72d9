/** What the parent of WORKER_PROCESSES and its children tell each other. Handlers may use the same channel. */
import type { Registry } from 'prom-client';

/** The metrics of a process, as they travel. */
export type Metrics = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

/**
 * From the parent. Not signals: one that comes while a child still loads would end it or suspend it, where an order
 * waits until it is heard.
 */
export type Order = { millrace: 'stop' | 'quiet' | 'show' } | { millrace: 'metrics'; id: number };

/** From a child: its handlers are loaded; why it is not ready, if it is not; its metrics. */
export type Report =
  | { millrace: 'started' }
  | { millrace: 'readiness'; notReady: string | undefined }
  | { millrace: 'metrics'; id: number; metrics: Metrics };

/** Whether it is one of ours. */
export function isOurs(message: unknown): message is Order | Report {
  return typeof message === 'object' && message !== null && 'millrace' in message;
}
