/** What a queue that is being drained still waits for. Pure. */
import type { CoordinatorStatus } from '../partitions/coordinator.ts';
import { partitionQueue } from '../partitions/layout.ts';
import { countNumbers } from '../partitions/ranges.ts';

/** A partition that is not done. */
export interface Left {
  readonly partition: number;
  /** The number that is due, and how many were given and are not done; undefined where the numbers are lost. */
  readonly next: number | undefined;
  readonly undone: number | undefined;
  /** Whether a job waits in its queue of Faktory's. */
  readonly holds: boolean;
  readonly isOwned: boolean;
}

export interface Standing {
  readonly queue: string;
  readonly partitions: number;
  readonly left: readonly Left[];
  /** Workers that take partitions, and how many they take together at most. */
  readonly workers: number;
  readonly room: number;
  /** Nobody may take a partition for so long. */
  readonly calmMs: number;
  /** Numbers that were gone on without: given up to Dead, or skipped. They are not waited for. */
  readonly open: number;
}

/** `holding`: the queues of Faktory's in which a job waits, asked after `status`. */
export function standingOf(
  queue: string,
  { partitions, members, each, calmMs }: CoordinatorStatus,
  holding: ReadonlySet<string>,
): Standing {
  const rows = each.map(({ partition, owner, place, undone }) => ({
    partition,
    next: place?.next,
    undone,
    holds: holding.has(partitionQueue(queue, partition)),
    isOwned: owner !== undefined,
  }));
  return {
    queue,
    partitions,
    left: rows.filter(isLeft),
    workers: members.length,
    room: members.reduce((sum, { most }) => sum + most, 0),
    calmMs,
    open: each.reduce((sum, { place }) => sum + countNumbers(place?.open ?? []), 0),
  };
}

/** A worker that has one without numbers may hold jobs of it; it begins them once it has none. */
function isLeft({ undone, holds, isOwned }: Left): boolean {
  return holds || (undone === undefined ? isOwned : undone > 0);
}

/** Those whose missing jobs may be gone on without: nothing of them waits, and no worker of the queue is there to hold it. */
export function skippable({ left, workers, calmMs }: Standing): number[] {
  if (workers > 0 || calmMs > 0) return [];
  return left
    .filter(({ undone = 0, holds, isOwned }) => undone > 0 && !holds && !isOwned)
    .map(({ partition }) => partition);
}

/** For how long what is left has stayed as it is. */
export class Stillness {
  #seen = '';
  #since = 0;

  /** `now`: ms, monotonic. */
  note({ left }: Standing, now: number): number {
    const seen = JSON.stringify(left);
    if (seen !== this.#seen) {
      this.#seen = seen;
      this.#since = now;
    }
    return now - this.#since;
  }
}
