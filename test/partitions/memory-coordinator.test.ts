import { describe, expect, it } from 'vitest';
import { MemoryCoordinator } from '../../src/partitions/memory-coordinator.ts';
import { coordinatorCases } from './coordinator-cases.ts';

const TTL_MS = 1_000;

describe('the coordinator in memory', () => {
  coordinatorCases(async ({ partitions, queue }) => {
    let now = 1_000_000;
    const coordinator = new MemoryCoordinator({ partitions, queue, ttlMs: TTL_MS, now: () => now });
    const lapse = async (): Promise<void> => {
      now += TTL_MS;
    };
    return { coordinator, lapse };
  });

  it('lets a lease live for its time to the millisecond', async () => {
    let now = 1_000_000;
    const coordinator = new MemoryCoordinator({ partitions: 1, queue: 'q', ttlMs: TTL_MS, now: () => now });
    await coordinator.acquire(0, 'a');
    now += TTL_MS - 1;
    expect(await coordinator.acquire(0, 'b')).toBeUndefined();
    now += 1;
    expect(await coordinator.acquire(0, 'b')).toBeDefined();
  });

  it('has the partitions it was made with', async () => {
    const coordinator = new MemoryCoordinator({ partitions: 2, queue: 'q', ttlMs: TTL_MS });
    await coordinator.agree();
    await expect(coordinator.acquire(2, 'a')).rejects.toMatchObject({ code: 'PARTITION_LAYOUT' });
  });
});
