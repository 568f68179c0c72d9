/** What is done while a number is missing: void numbers and epochs are asked for, and what was waited for long enough is skipped. */
import { isMillraceError, messageOf } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { Coordinator } from '../../partitions/coordinator.ts';
import { countNumbers } from '../../partitions/ranges.ts';
import type { Sequence } from '../../partitions/sequence.ts';

export interface GapsOptions {
  /** Of Faktory's queue, for the log. */
  name: string;
  number: number;
  coordinator: Coordinator;
  logger: Logger;
  onGap: 'wait' | 'skip';
  sequence(): Sequence<unknown>;
  /** How long a missing job may be with a worker that has died. */
  awayMs(): number;
  /** Whether numbers may be skipped still. */
  isOwned(): boolean;
  /** Something is known that was not: jobs may start. */
  onLooked(): void;
}

const LOOK_EVERY_MS = 250;
const SKIP_AFTER_MS = 1_000;
/** Faktory looks for reservations that are over every 15 s, and gives their jobs out again within a minute. */
const RESERVATION_ENDS_MS = 75_000;
const DEFAULT_RESERVE_MS = 1_800_000;

/**
 * How long a job may be with a worker that has died: as long as the longest reservation of late, and what Faktory takes
 * to give it out again. One that came before the others may be away although they came since. Pure.
 */
export class LongestAway {
  #reserveMs: number | undefined;
  #until = Number.NEGATIVE_INFINITY;

  /** A job has come that was reserved for so long. */
  add(reserveMs: number, now: number): void {
    if (this.#reserveMs !== undefined && reserveMs < this.#reserveMs && now < this.#until) return;
    this.#reserveMs = reserveMs;
    this.#until = now + this.ms;
  }

  get reserveMs(): number {
    return this.#reserveMs ?? DEFAULT_RESERVE_MS;
  }

  get ms(): number {
    return this.reserveMs + RESERVATION_ENDS_MS;
  }
}

export class Gaps {
  readonly #options: GapsOptions;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #looking: NodeJS.Timeout | undefined;
  /** Numbers that it went on without. */
  skipped = 0;

  constructor(options: GapsOptions) {
    this.#options = options;
  }

  /** Jobs are held, and none of them may start. */
  lookSoon(): void {
    if (this.#looking !== undefined) return;
    const inMs = Math.max(0, this.#lookedAt + LOOK_EVERY_MS - performance.now());
    this.#looking = setTimeout(() => {
      this.#lookedAt = performance.now();
      void this.#look().finally(() => {
        this.#looking = undefined;
        this.#options.onLooked();
      });
    }, inMs);
    this.#looking.unref();
  }

  close(): void {
    clearTimeout(this.#looking);
  }

  async #look(): Promise<void> {
    const { coordinator, number, logger, isOwned } = this.#options;
    const sequence = this.#options.sequence();
    try {
      if (sequence.asksForEpochs) sequence.learn(await coordinator.epochs(number));
      if (sequence.gap(performance.now()) === undefined) return;
      sequence.learnVoids(await coordinator.voids(number));
    } catch (error) {
      // It is asked again while the lease lives.
      if (!isMillraceError(error, 'REDIS_UNAVAILABLE')) logger.error({}, messageOf(error));
      return;
    }
    if (isOwned()) this.#skip(sequence);
  }

  #skip(sequence: Sequence<unknown>): void {
    const { onGap, awayMs, logger, name } = this.#options;
    sequence.gapWaitMs = onGap === 'skip' ? SKIP_AFTER_MS : awayMs();
    const gap = sequence.skip(performance.now());
    if (gap === undefined) return;
    this.skipped += countNumbers([gap.missing]);
    const [first, last] = gap.missing;
    logger.warn(
      { queue: name, epoch: gap.epoch, first, last, waitedMs: Math.round(gap.sinceMs) },
      'jobs of a partition did not come in their turn: it goes on without them, and they run when they come',
    );
  }
}
