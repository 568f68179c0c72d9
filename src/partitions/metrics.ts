/** What /metrics tells of partitions. */
import type { Registry } from 'prom-client';
import { counter, gauge, type Labels } from '../metrics.ts';
import type { Holder } from './holder.ts';

type Row = readonly [Labels, number];

/** Read at each scrape; `holders` may grow. */
export function addPartitionMetrics(registry: Registry, holders: () => readonly Holder[]): void {
  const each = (read: (holder: Holder) => number) => (): Row[] =>
    holders().map((holder) => [{ queue: holder.queue }, read(holder)]);
  gauge(
    registry,
    'millrace_partitions_owned',
    'Partitions that this process owns.',
    each(({ leases }) => leases.length),
  );
  gauge(
    registry,
    'millrace_partitions_ownerless',
    'Partitions that no process has owned for twice PARTITION_LEASE_TTL_MS, as this process sees it: their jobs do not run.',
    each(({ ownerless }) => ownerless.length),
  );
  counter(
    registry,
    'millrace_partitions_gained_total',
    'Partitions that this process has taken.',
    each(({ tally }) => tally.gained),
  );
  counter(
    registry,
    'millrace_partitions_ended_total',
    'Partitions that this process has no longer, by why.',
    () =>
      holders().flatMap(({ queue, tally }) =>
        Object.entries(tally.ended).map(([why, count]): Row => [{ queue, why }, count]),
      ),
  );
}
