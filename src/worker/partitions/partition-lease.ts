import type { Epoch, Place } from '../../partitions/coordinator.ts';
import type { HeldLease } from '../../partitions/held-lease.ts';

/** What a partition's work needs of its lease. */
export interface PartitionLease
  extends Pick<HeldLease, 'partition' | 'fence' | 'lives' | 'checkpoint' | 'release'> {
  readonly place: Place | undefined;
  readonly epochs: readonly Epoch[];
  note: string;
}

/** Without Redis: it is ours for good, and nothing is remembered of it. */
export function fixedLease(partition: number, onEnd: () => void): PartitionLease {
  return {
    partition,
    fence: 0,
    lives: true,
    place: undefined,
    epochs: [],
    note: '',
    checkpoint: async () => true,
    release: async () => onEnd(),
  };
}
