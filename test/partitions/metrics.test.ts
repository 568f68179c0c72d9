import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { SILENT } from '../../src/logger.ts';
import { Holder } from '../../src/partitions/holder.ts';
import { MemoryCoordinator } from '../../src/partitions/memory-coordinator.ts';
import { addPartitionMetrics } from '../../src/partitions/metrics.ts';
import { until } from '../helpers/until.ts';

it('tells what is owned, what nobody owns, and what became of the rest', async () => {
  let now = 0;
  // Its lapse is told by its clock; what a lease of ours lives, by the machine's.
  const coordinator = new MemoryCoordinator({ queue: 'q', partitions: 3, ttlMs: 60_000, now: () => now });
  now = 120_000;
  const holder = new Holder({
    coordinator,
    owner: 'a',
    most: 2,
    logger: SILENT,
    onGain: () => {},
    onSurplus: (lease) => void lease.release(),
  });
  const registry = new Registry();
  addPartitionMetrics(registry, () => [holder]);
  holder.start();
  await until(() => holder.leases.length === 2, { what: 'two partitions' });
  await until(() => holder.ownerless.length === 1, { what: 'one that nobody owns' });
  await holder.leases[0]!.release();
  const page = await registry.metrics();
  for (const line of [
    'millrace_partitions_owned{queue="q"} 1',
    'millrace_partitions_ownerless{queue="q"} 1',
    'millrace_partitions_gained_total{queue="q"} 2',
    'millrace_partitions_ended_total{queue="q",why="released"} 1',
    'millrace_partitions_ended_total{queue="q",why="expired"} 0',
  ])
    expect(page.split('\n')).toContain(line);
  holder.close();
});
