/** What a handler may know of the partition that its job came from (`ctx.partition`). */
export interface PartitionOfJob {
  /** The queue that is split, and which of its parts it is. */
  readonly queue: string;
  readonly number: number;
  /** Undefined for a job that was pushed without a key, straight into the partition's queue. */
  readonly key: string | undefined;
  /**
   * Greater than that of any owner of the partition before: what a handler writes elsewhere can be refused there when a
   * greater one has been seen. 0 where owners are fixed.
   */
  readonly fence: number;
}

/**
 * Who looks after a job beyond its slot: the partition whose turn it is. It says whether the job may start, and what
 * becomes of it; each of the outcomes is told once, `onHandlerEnd` last.
 */
export interface Keeper<J> {
  readonly partition: PartitionOfJob;
  /** Asked right before its handler is called. */
  starts(held: J): boolean;
  /** Its handler has ended well, and its result is stored: it is owed an ACK. */
  onDone(held: J): void;
  /** It has thrown, or took too long, or its result was refused. */
  onFailed(held: J, thrown: unknown): void;
  /** It is handed back, or its reservation is over. */
  onGone(held: J): void;
  /** Its handler runs no longer, whatever became of the job. */
  onHandlerEnd(held: J): void;
}
