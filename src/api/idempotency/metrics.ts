import type { Registry } from 'prom-client';
import { counter, gauge } from '../../metrics.ts';
import type { Idempotency } from './idempotency.ts';
import { MemoryStore } from './memory-store.ts';
import type { IdempotencyStore } from './store.ts';

/** Requests with a key by what became of them; how full the memory is, where it is that which keeps them. */
export function addIdempotencyMetrics(
  registry: Registry,
  idempotency: Idempotency,
  store: IdempotencyStore,
): void {
  counter(
    registry,
    'millrace_api_idempotency_total',
    'Requests with an Idempotency-Key, by what became of them',
    () => Object.entries(idempotency.counts).map(([outcome, count]) => [{ outcome }, count]),
  );
  if (!(store instanceof MemoryStore)) return;
  const name = 'millrace_api_idempotency_keys';
  gauge(registry, name, 'Idempotency-Keys that are kept in memory', () => store.size);
  counter(
    registry,
    'millrace_api_idempotency_evicted_total',
    'Idempotency-Keys that were forgotten before their time, for want of room',
    () => store.evicted,
  );
}
