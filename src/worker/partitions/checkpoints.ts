/**
 * Jobs of one partition that have ended and whose checkpoint is not stored yet: only then are they ACKed, and may the
 * next of their key start. One checkpoint is on its way at a time; it speaks for all that ended before it left. They
 * leave together with those of other partitions, unless a job waits for one.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { messageOf } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { Place } from '../../partitions/coordinator.ts';
import { comparePositions, type Position } from '../../partitions/stamp.ts';
import type { HeldJob } from '../held-job.ts';
import type { PartitionLease } from './partition-lease.ts';
import type { Pulse } from './pulse.ts';

export interface Ended {
  /** Where a place must have come past; undefined: any place that is stored from now on will do. */
  readonly at: Position | undefined;
  readonly key: string | undefined;
  /** To be ACKed. */
  readonly jobs: readonly HeldJob[];
}

export interface CheckpointsOptions {
  lease: PartitionLease;
  logger: Logger;
  pulse: Pulse;
  /** Whether places are kept; asked for each job, as `place` has to be reckoned. */
  isNumbered(): boolean;
  /** What is to be said; undefined where the numbers were lost: then nothing is. */
  place(): Place | undefined;
  onStored(ended: Ended): void;
  /** The lease is over: nothing of it may be ACKed. */
  onRefused(ended: Ended): void;
}

const AGAIN_AFTER_MS = 100;
/** While Redis is away no more than these may gather. */
const MOST_WAITING = 2_000;

/** Nothing is to be stored, or it waits for the pulse, or it is on its way. */
type State = 'resting' | 'waiting' | 'storing';

export class Checkpoints {
  readonly #options: CheckpointsOptions;
  /** By their keys, in the order in which they ended. */
  readonly #unstored = new Map<string, Ended[]>();
  #waiting: Ended[] = [];
  #state: State = 'resting';
  /** What was asked to be stored last. */
  #said: Place | undefined;
  /** Whether a job waits for what has ended. */
  #isUrgent = false;

  constructor(options: CheckpointsOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  get isFull(): boolean {
    return this.#waiting.length >= MOST_WAITING;
  }

  /**
   * Whether a job of the key has ended that comes before the place, and that is not stored yet; without a place, whether
   * any has. What comes behind it can only be stored once the job that asks is done.
   */
  hasUnstored(key: string, before: Position | undefined): boolean {
    const unstored = this.#unstored.get(key);
    if (unstored === undefined || before === undefined) return unstored !== undefined;
    return unstored.some(({ at }) => at === undefined || comparePositions(at, before) < 0);
  }

  add(ended: Ended): void {
    const { lease, isNumbered, onStored, onRefused } = this.#options;
    if (!isNumbered()) return lease.lives ? onStored(ended) : onRefused(ended);
    this.#waiting.push(ended);
    this.#note(ended);
    if (this.#state === 'resting') this.#storeSoon();
  }

  #note(ended: Ended): void {
    if (ended.key === undefined) return;
    const unstored = this.#unstored.get(ended.key);
    if (unstored === undefined) this.#unstored.set(ended.key, [ended]);
    else unstored.push(ended);
  }

  /** The place may have moved although nothing has ended: a number was void, or is gone on without. */
  wake(): void {
    if (this.#state !== 'resting' || this.#waiting.length === 0) return;
    const place = this.#options.place();
    const { epoch, next } = this.#said ?? {};
    if (place?.epoch !== epoch || place?.next !== next) this.#storeSoon();
  }

  /** A job waits for what has ended. */
  hurry(): void {
    this.#isUrgent = true;
    if (this.#state === 'waiting') void this.#store();
  }

  #storeSoon(): void {
    if (this.#isUrgent) return void this.#store();
    this.#state = 'waiting';
    this.#options.pulse.next(() => {
      if (this.#state === 'waiting') void this.#store();
    });
  }

  async #store(): Promise<void> {
    this.#state = 'storing';
    this.#isUrgent = false;
    const place = this.#options.place();
    this.#said = place;
    const asked = this.#waiting.length;
    const is = place === undefined ? this.#options.lease.lives : await this.#put(place);
    const told = this.#waiting.filter(
      ({ at }, i) => !is || (i < asked && (place === undefined || isPast(place, at))),
    );
    const settled = new Set(told);
    this.#waiting = this.#waiting.filter((ended) => !settled.has(ended));
    const hasMore = this.#waiting.length > 0 && (told.length > 0 || this.#waiting.length > asked);
    this.#state = 'resting';
    for (const ended of told) this.#tell(ended, is);
    // One whose number comes after one that still runs: what ends next says so, or `wake`.
    if (hasMore && this.#state === 'resting') this.#storeSoon();
  }

  #tell(ended: Ended, isStored: boolean): void {
    const { key } = ended;
    if (key !== undefined) {
      const left = this.#unstored.get(key)!;
      left.splice(left.indexOf(ended), 1);
      if (left.length === 0) this.#unstored.delete(key);
    }
    if (isStored) this.#options.onStored(ended);
    else this.#options.onRefused(ended);
  }

  /** Whether it is stored; false: the lease is over. */
  async #put(place: Place): Promise<boolean> {
    const { lease, logger } = this.#options;
    for (;;) {
      try {
        return await lease.checkpoint(place);
      } catch (error) {
        logger.debug({ partition: lease.partition }, `a checkpoint is not stored yet: ${messageOf(error)}`);
        await pause(AGAIN_AFTER_MS, undefined, { ref: false });
      }
    }
  }
}

function isPast(place: Place, at: Position | undefined): boolean {
  if (at === undefined || at.epoch < place.epoch) return true;
  return at.epoch === place.epoch && at.number < place.next;
}
