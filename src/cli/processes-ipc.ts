/** What the parent of several processes and its children tell each other. Handlers may use the same channel. */
import type { Registry } from 'prom-client';

/** The metrics of a process, as they travel. */
export type Metrics = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

/**
 * From the parent. Not signals: one that comes while a child still loads would end it or suspend it, where an order
 * waits until it is heard.
 */
export type Order =
  | { millrace: 'stop' | 'quiet' | 'show' }
  | { millrace: 'metrics'; id: number }
  | { millrace: 'page'; id: number; text: string };

/**
 * From a child: it has started (the handlers of a worker are loaded, an API listens); why it is not ready, if it is
 * not, when that changes and each second; its metrics; it wants the page of metrics of all.
 */
export type Report =
  | { millrace: 'started' }
  | { millrace: 'readiness'; notReady: string | undefined }
  | { millrace: 'metrics'; id: number; metrics: Metrics }
  | { millrace: 'page'; id: number };

/** Whether it is one of ours. */
export function isOurs(message: unknown): message is Order | Report {
  return typeof message === 'object' && message !== null && 'millrace' in message;
}
