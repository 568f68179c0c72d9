/** What `millrace partitions status` knows of each partition, and when that is trouble. Pure. */
import type { Member, PartitionStatus } from '../partitions/coordinator.ts';
import type { Backlog } from './partitions-backlog.ts';

/** One line; null where it is not known. */
export interface PartitionRow {
  readonly partition: number;
  readonly owner: string | null;
  readonly fence: number | null;
  readonly leaseLeftMs: number | null;
  readonly ownerlessMs: number | null;
  /** The number that is due, the one given last, and how many are not done. */
  readonly next: number | null;
  readonly last: number | null;
  readonly undone: number | null;
  /** Jobs in Faktory's queue, and how long the oldest has waited. */
  readonly backlog: number | null;
  readonly ageSeconds: number | null;
  /** What to do something about. */
  readonly trouble: string | null;
}

export interface QueueStatus {
  readonly queue: string;
  /** 0: Redis knows of none. */
  readonly partitions: number;
  readonly members: readonly Member[];
  readonly calmMs: number;
  /** For how long it has been drained; null: it is not. */
  readonly drainingMs: number | null;
  readonly rows: readonly PartitionRow[];
  /** Queues named as its partitions are, beyond the last one, in which jobs wait. */
  readonly beyond: readonly { readonly queue: string; readonly backlog: number }[];
}

/** One line of what the coordinator and Faktory say of a partition. */
export function rowOf(status: PartitionStatus, { size, ageSeconds }: Backlog, ttlMs: number): PartitionRow {
  const { partition, owner, fence, leftMs, ownerlessMs, place, last, undone } = status;
  return {
    partition,
    owner: owner ?? null,
    fence: fence ?? null,
    leaseLeftMs: leftMs ?? null,
    ownerlessMs: ownerlessMs ?? null,
    next: place?.next ?? null,
    last: last ?? null,
    undone: place === undefined ? null : (undone ?? null),
    backlog: size ?? null,
    ageSeconds: ageSeconds ?? null,
    trouble: troubleOf(status, size ?? 0, ttlMs),
  };
}

function troubleOf({ ownerlessMs = 0, last }: PartitionStatus, size: number, ttlMs: number): string | null {
  if (ownerlessMs >= 2 * ttlMs)
    return `no worker has had it for ${Math.round(ownerlessMs / 1_000)} s, its jobs do not run: start more workers, or raise PARTITIONS_PER_POD`;
  if (last === undefined && size > 0)
    return 'its numbers are lost (Redis was emptied) while jobs wait: pushes with a key are refused until its worker has worked them off';
  return null;
}
