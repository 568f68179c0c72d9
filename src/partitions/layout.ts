/** How a queue is split into partitions, how many pods that takes, and how keys spread over it. Pure. */
import { partitionOf } from './partition-hash.ts';

/** PARTITIONS takes no more. */
export const MOST_PARTITIONS = 4_096;

/** The queue of Faktory's that holds a partition: `orders.3`. */
export function partitionQueue(queue: string, partition: number): string {
  return `${queue}.${partition}`;
}

/** All of them, in order. */
export function partitionQueues(queue: string, partitions: number): string[] {
  return Array.from({ length: partitions }, (_, partition) => partitionQueue(queue, partition));
}

/** Which partition of `queue` a queue of Faktory's holds; undefined: none of its first `partitions`. */
export function partitionIn(name: string, queue: string, partitions: number): number | undefined {
  if (!name.startsWith(`${queue}.`)) return undefined;
  const rest = name.slice(queue.length + 1);
  const partition = Number(rest);
  // What is written otherwise (`03`, `3.0`) is another queue.
  if (!/^(0|[1-9]\d*)$/.test(rest) || partition >= partitions) return undefined;
  return partition;
}

/** What Faktory's INFO says of a queue's partitions: what `agree` and `begin` of a coordinator ask for. */
export interface SeenPartitions {
  /** Faktory knows none of its queues, which are never removed: nobody has ever pushed or fetched there. */
  readonly untouched: boolean;
  /** Those of which no job waits. */
  readonly empty: readonly number[];
}

/** `sizes`: by the names of Faktory's queues. */
export function seenPartitions(
  queue: string,
  partitions: number,
  sizes: Readonly<Record<string, number>>,
): SeenPartitions {
  const known = (partition: number): number | undefined => {
    const name = partitionQueue(queue, partition);
    return Object.hasOwn(sizes, name) ? sizes[name] : undefined;
  };
  const all = Array.from({ length: partitions }, (_, partition) => partition);
  return {
    untouched: all.every((partition) => known(partition) === undefined),
    empty: all.filter((partition) => (known(partition) ?? 0) === 0),
  };
}

/** Queues named as partitions of `queue` are, beyond its last one, in which jobs wait: of a layout with more of them, perhaps. */
export function queuesBeyond(
  queue: string,
  partitions: number,
  sizes: Readonly<Record<string, number>>,
): { queue: string; backlog: number }[] {
  return Object.entries(sizes)
    .map(([name, backlog]) => ({
      queue: name,
      backlog,
      partition: partitionIn(name, queue, MOST_PARTITIONS),
    }))
    .filter(({ partition = 0, backlog }) => partition >= partitions && backlog > 0)
    .sort((a, b) => a.partition! - b.partition!)
    .map(({ queue: name, backlog }) => ({ queue: name, backlog }));
}

/** With fewer, some partitions have no owner, and their jobs never run. */
export function podsNeeded(partitions: number, perPod: number): number {
  return Math.ceil(partitions / perPod);
}

/** The partitions that nobody has while `pods` run. */
export function uncovered(partitions: number, perPod: number, pods: number): number {
  return Math.max(0, partitions - pods * perPod);
}

/** A key that makes more jobs than its partition could share with others. */
export interface HotKey {
  readonly key: string;
  readonly jobs: number;
  readonly partition: number;
}

/** How the jobs of keys spread over partitions. */
export interface Spread {
  /** Jobs, one for each time a key was given, and the different keys. */
  readonly jobs: number;
  readonly keys: number;
  /** By partition. */
  readonly partitions: readonly { readonly jobs: number; readonly keys: number }[];
  /** Keys of which one alone makes as many jobs as a partition would have if all had the same; most jobs first. */
  readonly hot: readonly HotKey[];
}

/** Fewer jobs of a key than this say nothing. */
const HOT_FROM = 10;

/** Gathers keys one by one: a file of them may be larger than memory, but for the different ones. */
export class SpreadTally {
  readonly #partitions: number;
  readonly #jobsOf = new Map<string, number>();

  constructor(partitions: number) {
    this.#partitions = partitions;
  }

  add(key: string): void {
    this.#jobsOf.set(key, (this.#jobsOf.get(key) ?? 0) + 1);
  }

  result(): Spread {
    const each = Array.from({ length: this.#partitions }, () => ({ jobs: 0, keys: 0 }));
    const counted: HotKey[] = [];
    let all = 0;
    for (const [key, jobs] of this.#jobsOf) {
      const partition = partitionOf(key, this.#partitions);
      each[partition]!.jobs += jobs;
      each[partition]!.keys += 1;
      all += jobs;
      if (jobs >= HOT_FROM) counted.push({ key, jobs, partition });
    }
    const even = all / this.#partitions;
    const hot = counted.filter(({ jobs }) => jobs >= even).sort((a, b) => b.jobs - a.jobs);
    return { jobs: all, keys: this.#jobsOf.size, partitions: each, hot };
  }
}
