import { describe, expect, it } from 'vitest';
import type { KnownInfo } from '../../../src/connection/info.ts';
import { SILENT } from '../../../src/logger.ts';
import type { Epoch } from '../../../src/partitions/coordinator.ts';
import { MemoryCoordinator } from '../../../src/partitions/memory-coordinator.ts';
import { LostNumbers } from '../../../src/worker/partitions/lost-numbers.ts';
import type { OwnedPartition } from '../../../src/worker/partitions/owned-partition.ts';

/** Partition 0 of the queue, whose numbers were lost; `queues` and `askedAt` are what INFO says, and of when. */
function setUp({ idle = true, queues = {}, ageMs = 0 }: { idle?: boolean; queues?: object; ageMs?: number }) {
  const coordinator = new MemoryCoordinator({ queue: 'q', partitions: 1, ttlMs: 60_000 });
  const begun: (readonly Epoch[])[] = [];
  const partition = {
    coordinator,
    isNumbered: false,
    idle,
    lease: { partition: 0 },
    begin: (epochs: readonly Epoch[]) => void begun.push(epochs),
  } as unknown as OwnedPartition;
  const lost = new LostNumbers({
    logger: SILENT,
    info: async () =>
      ({ info: { faktory: { queues } }, askedAt: performance.now() - ageMs }) as unknown as KnownInfo,
  });
  const begin = async (): Promise<number | undefined> => {
    await lost.begin([partition]);
    expect(begun).toHaveLength(1);
    return begun[0]!.length;
  };
  return { begin };
}

describe('numbers that were lost', () => {
  it('begin anew once nothing of the partition waits anywhere, and it is told', async () => {
    expect(await setUp({}).begin()).toBe(1);
    expect(await setUp({ queues: { 'q.0': 0 }, ageMs: 900 }).begin()).toBe(1);
  });

  it.each([
    ['jobs wait at Faktory', { queues: { 'q.0': 3 } }],
    ['jobs wait here', { idle: false }],
    ['what is known of the queue is older', { ageMs: 1_500 }],
  ])('do not while %s', async (_why, scene) => {
    expect(await setUp(scene).begin()).toBe(0);
  });

  it('of one that is numbered, or whose owners are fixed, are left alone', async () => {
    const lost = new LostNumbers({ logger: SILENT, info: () => Promise.reject(new Error('asked')) });
    const begin = (): void => expect.unreachable('it has numbers');
    const numbered = { coordinator: {}, isNumbered: true, idle: true, begin } as unknown as OwnedPartition;
    const fixed = {
      coordinator: undefined,
      isNumbered: false,
      idle: true,
      begin,
    } as unknown as OwnedPartition;
    await expect(lost.begin([numbered, fixed])).resolves.toBeUndefined();
  });
});
