/**
 * What the pushers and the owners of a partitioned queue agree on: the numbers of its jobs, who owns which partition,
 * and how far each has come. Kept in Redis, or in memory for one process; the same cases are run against both.
 *
 * - **Numbers** give the jobs of a partition their order. They are unique and rise within an *epoch*; an epoch ends
 *   where the numbers cannot be trusted to go on (Redis restarted, perhaps with older data), and every number of a
 *   later epoch comes after all of those before. Where there are none (never begun, or Redis was emptied) they are
 *   begun only by `begin`, whose caller has seen that no job of the partition waits: never without a word.
 * - **Leases** say who owns a partition. Each has a *fence*, greater than any before it, even if Redis was emptied.
 * - **Places** say up to which number the jobs of a partition are done. Only the owner of the highest fence writes one.
 * - **Draining** ends a layout: from then on no numbers are given, so that all that were can be done. It ends when the
 *   queue gets another number of partitions, or when it is taken back.
 *
 * After a restart of Redis, or the loss of its data, nobody gets a partition for the time of one lease, except who
 * has it and renews: an owner that does not know yet must not meet another.
 */
import { MillraceError } from '../errors.ts';
import type { Range, Ranges } from './ranges.ts';

/** Where numbers begin to count anew: the first number of the epoch. */
export interface Epoch {
  readonly epoch: number;
  readonly first: number;
}

/** How far a partition has come. */
export interface Place extends Epoch {
  /** The number that is due: all before it are done, but for the open ones. */
  readonly next: number;
  /** Numbers before `next` that were not done: skipped, or given up to Dead. Who brings one is run. */
  readonly open: Ranges;
}

export interface Ask {
  readonly partition: number;
  readonly count: number;
}

/** `count` numbers in a row, from `first`. */
export interface Numbers extends Ask, Epoch {}

export interface Lease {
  readonly partition: number;
  readonly owner: string;
  readonly fence: number;
}

export interface Acquired extends Lease {
  /** Undefined where the numbers were lost and no place is known: what comes is run as it comes. */
  readonly place: Place | undefined;
  /** In order; empty where the numbers were lost. */
  readonly epochs: readonly Epoch[];
  /** Who had it before and did not release it, with the note it left. */
  readonly predecessor: { readonly owner: string; readonly note: string } | undefined;
}

/** A worker process that takes partitions. */
export interface Member {
  readonly owner: string;
  /** Partitions that it has. */
  readonly count: number;
  /** Partitions that it takes at most. */
  readonly most: number;
}

/** What there is to take, and who is there to take it. */
export interface Survey {
  readonly members: readonly Member[];
  /** Partitions without owner, and since when. */
  readonly free: readonly { readonly partition: number; readonly forMs: number }[];
  /** When the next lease runs out, unless it is renewed. */
  readonly nextLapseMs: number | undefined;
  /** Nobody may take a partition for so long. */
  readonly calmMs: number;
}

export interface Renewal extends Lease {
  /** For who takes the partition over if this owner dies: names of its wake queues, depths. */
  readonly note: string;
}

/** What `checkpoint` says: stored; another has the partition by now; or Redis no longer knows the lease (renew it). */
export type Checkpointed = 'stored' | 'fenced' | 'forgotten';

export interface PartitionStatus {
  readonly partition: number;
  readonly owner: string | undefined;
  readonly fence: number | undefined;
  /** How long the lease lives, or how long nobody has had the partition. */
  readonly leftMs: number | undefined;
  readonly ownerlessMs: number | undefined;
  readonly place: Place | undefined;
  /** The number that was given last; undefined where there are none. */
  readonly last: number | undefined;
  /** Numbers from `place.next` on that were given, and are not void: their jobs are not done. Undefined where there are none. */
  readonly undone: number | undefined;
}

export interface CoordinatorStatus {
  /** Number of partitions. */
  readonly partitions: number;
  readonly members: readonly Member[];
  readonly each: readonly PartitionStatus[];
  readonly calmMs: number;
  /** For how long it has been drained; undefined: it is not. */
  readonly drainingMs: number | undefined;
}

/**
 * Of one queue. Every method rejects with REDIS_UNAVAILABLE, and with PARTITION_LAYOUT where the queue has another number
 * of partitions; `status` and `drain` speak of the layout that is there, whatever that is.
 */
export interface Coordinator {
  readonly queue: string;
  readonly partitions: number;
  readonly ttlMs: number;

  /**
   * Makes the queue one of so many partitions, or finds it so. Rejects with PARTITION_LAYOUT where it has another
   * number, and jobs of those are not done. `untouched`: Faktory knows none of its queues, so nobody can be working
   * on it and the first owner need not wait.
   */
  agree(options?: { untouched?: boolean }): Promise<void>;
  /**
   * Numbers for jobs about to be pushed, all or none; rejects with PARTITION_NUMBERS_LOST where there are none, and with
   * PARTITION_LAYOUT while the queue is being drained. After REDIS_UNAVAILABLE numbers that may have been given are declared void as soon as that can be done.
   */
  numbers(asks: readonly Ask[]): Promise<readonly Numbers[]>;
  /** Numbers whose push failed for certain: nobody has to wait for them. Never fails: it is tried until it is told. */
  declareVoid(partition: number, epoch: number, range: Range): void;
  /** Resolves when all void numbers are told, or when that cannot be done now. */
  told(): Promise<void>;
  /** The void numbers that are not done yet, by epoch. */
  voids(partition: number): Promise<ReadonlyMap<number, Ranges>>;
  /** Begins the numbers of those partitions that have none. Only for who has seen that no job of theirs waits. */
  begin(partitions: readonly number[]): Promise<void>;
  /** The epochs of a partition, in order. */
  epochs(partition: number): Promise<readonly Epoch[]>;

  /** Tells that `member` is there, for as long as a lease lives, and what there is to take. */
  look(member?: Member): Promise<Survey>;
  leave(owner: string): Promise<void>;
  /** Undefined where another has it, or nobody may take it yet. */
  acquire(partition: number, owner: string): Promise<Acquired | undefined>;
  /** Which of them still hold; those live for another `ttlMs`. */
  renew(owner: string, leases: readonly Renewal[]): Promise<readonly boolean[]>;
  /** One that lies before what is stored changes nothing: it came late. */
  checkpoint(lease: Lease, place: Place): Promise<Checkpointed>;
  /** Whether it was still held. */
  release(lease: Lease): Promise<boolean>;
  status(): Promise<CoordinatorStatus | undefined>;

  /** Begins to drain the layout that is there, or takes that back. False: there is none. Twice is as once. */
  drain(isOn: boolean): Promise<boolean>;
  /**
   * Leaves open what is not done in those of the partitions that nobody has, of a queue that is being drained: what
   * brings such a number later is run, late. For who knows that their jobs will not come. Returns which it was done for.
   */
  skipMissing(partitions: readonly number[]): Promise<readonly boolean[]>;
  close(): void;
}

export function numbersLost(queue: string, partition: number): MillraceError {
  return new MillraceError(
    'PARTITION_NUMBERS_LOST',
    `the numbers that keep partition ${partition} of queue ${queue} in order are not there: they were never begun, or Redis ` +
      `was emptied. They begin anew once no job waits in ${queue}.${partition}: let its owner work it off, or look at \`millrace partitions status\``,
  );
}

export function beingDrained(queue: string, partitions: number): MillraceError {
  return new MillraceError(
    'PARTITION_LAYOUT',
    `queue ${queue} is being drained: its ${partitions} partitions take no more jobs with a key until PARTITIONS is another number ` +
      `for all pushers and workers, or until it is taken back by \`millrace partitions drain --cancel --queue ${queue}\``,
  );
}

/** `waiting`: how many are not done; undefined: the layout was changed since this process began. */
export function otherLayout(
  queue: string,
  asked: number,
  there: number,
  waiting: number | undefined,
): MillraceError {
  const text =
    waiting === undefined
      ? `PARTITIONS is ${asked} here, but queue ${queue} has ${there} partitions by now: set PARTITIONS=${there} and restart this process`
      : `PARTITIONS is ${asked}, but queue ${queue} has ${there} partitions, ${waiting} of whose jobs are not done: set it back to ${there}, ` +
        `or run \`millrace partitions drain --queue ${queue}\` while workers still have ${there}, then change it for all pushers and workers`;
  return new MillraceError('PARTITION_LAYOUT', text);
}
