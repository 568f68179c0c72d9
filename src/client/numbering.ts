/**
 * Gives the keyed jobs of one queue their numbers, in the order in which they were admitted: all that were admitted in a
 * tick, or while the coordinator was asked, by one question. One question at a time: two might be carried out the other
 * way round, for instance around a reconnect.
 */
import { isMillraceError, MillraceError, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Ask, Coordinator, Numbers } from '../partitions/coordinator.ts';
import { partitionQueue, partitionQueues } from '../partitions/layout.ts';
import { addRange, NO_RANGES, type Ranges } from '../partitions/ranges.ts';
import type { Position } from '../partitions/stamp.ts';
import type { QueueLook } from './queue-look.ts';

/** A job that waits for its number. */
export interface Numbered {
  readonly partition: number;
  /** False: it needs none, only that the queue is split as this process thinks. */
  readonly isNumbered: boolean;
  onNumber(position: Position | undefined): void;
  onFailed(error: MillraceError): void;
}

export interface NumberingOptions {
  coordinator: Coordinator;
  look: QueueLook;
  logger: Logger;
}

const WARN_EVERY_MS = 60_000;

/** The number of a partition that is next to give. */
interface Given {
  readonly epoch: number;
  next: number;
}

/** By partition: the numbers to give, or why there are none. */
type Answers = Map<number, Given | MillraceError>;

/** Nothing waits (resting), the tick is waited for (gathering), the coordinator is asked (asking). */
type State = 'resting' | 'gathering' | 'asking';

export class Numbering {
  readonly #coordinator: Coordinator;
  readonly #look: QueueLook;
  readonly #logger: Logger;
  #state: State = 'resting';
  #waiting: Numbered[] = [];
  /** Whether the queue is known to be split as this process thinks. */
  #hasAgreed = false;
  /** By partition and epoch; told at the end of the tick. */
  readonly #voids = new Map<number, Map<number, Ranges>>();
  readonly #warnedAt = new Map<string, number>();
  /** By partition: the epoch of the numbers that were given last. */
  readonly #epochs = new Map<number, number>();

  constructor({ coordinator, look, logger }: NumberingOptions) {
    this.#coordinator = coordinator;
    this.#look = look;
    this.#logger = logger;
  }

  /** It is called back in a later turn of the event loop. */
  add(job: Numbered): void {
    this.#waiting.push(job);
    if (this.#state !== 'resting') return;
    this.#state = 'gathering';
    setImmediate(() => void this.#askForAll());
  }

  /** The job of that number was certainly not stored. */
  declareVoid(partition: number, { epoch, number }: Position): void {
    if (this.#voids.size === 0) setImmediate(() => this.tellVoids());
    const ofPartition = this.#voids.get(partition) ?? new Map<number, Ranges>();
    this.#voids.set(partition, ofPartition);
    ofPartition.set(epoch, addRange(ofPartition.get(epoch) ?? NO_RANGES, [number, number]));
  }

  /** Those of this tick, now. */
  tellVoids(): void {
    for (const [partition, epochs] of this.#voids) {
      for (const [epoch, ranges] of epochs)
        for (const range of ranges) this.#coordinator.declareVoid(partition, epoch, range);
    }
    this.#voids.clear();
  }

  async #askForAll(): Promise<void> {
    this.#state = 'asking';
    while (this.#waiting.length > 0) {
      const jobs = this.#waiting;
      this.#waiting = [];
      const answers = await this.#answersFor(jobs);
      for (const job of jobs) this.#tell(job, answers);
    }
    this.#state = 'resting';
  }

  /** Never rejects: what fails for all is the answer to each. */
  async #answersFor(jobs: readonly Numbered[]): Promise<Answers | MillraceError> {
    const counts = new Map<number, number>();
    for (const { partition, isNumbered } of jobs)
      if (isNumbered) counts.set(partition, (counts.get(partition) ?? 0) + 1);
    try {
      if (!this.#hasAgreed) await this.#agree();
      return await this.#ask([...counts].map(([partition, count]) => ({ partition, count })));
    } catch (thrown) {
      return this.#told(thrown);
    }
  }

  #tell({ partition, isNumbered, onNumber, onFailed }: Numbered, answers: Answers | MillraceError): void {
    try {
      if (answers instanceof MillraceError) return onFailed(answers);
      if (!isNumbered) return onNumber(undefined);
      const answer = answers.get(partition)!;
      if (answer instanceof MillraceError) return onFailed(answer);
      const number = answer.next;
      answer.next += 1;
      onNumber({ epoch: answer.epoch, number });
    } catch (error) {
      // The others must be told, too.
      this.#logger.error({ err: error }, `a caller of a keyed push threw: ${messageOf(error)}`);
    }
  }

  async #agree(): Promise<void> {
    const coordinator = this.#coordinator;
    const { queue, partitions } = coordinator;
    // Faktory is looked at only where it has to be.
    const isThere = (await twice(() => coordinator.status())) !== undefined;
    const untouched = !isThere && (await this.#look.knowsNone(partitionQueues(queue, partitions)));
    await twice(() => coordinator.agree({ untouched }));
    this.#hasAgreed = true;
  }

  /** Even for none: a queue that is being drained, or is split otherwise by now, takes no job with a time either. */
  async #ask(asks: readonly Ask[]): Promise<Answers> {
    try {
      const numbers = await twice(() => this.#coordinator.numbers(asks));
      for (const { partition, epoch } of numbers) this.#epochs.set(partition, epoch);
      return answersOf(numbers);
    } catch (error) {
      if (!isMillraceError(error, 'PARTITION_NUMBERS_LOST')) throw error;
    }
    return this.#askApart(asks);
  }

  /** Begins the numbers of partitions that have none where that may be done; one that still has none fails by itself. */
  async #askApart(asks: readonly Ask[]): Promise<Answers> {
    const before = new Map(this.#epochs);
    let whyNot: unknown;
    try {
      await this.#begin(asks);
    } catch (error) {
      whyNot = error;
    }
    const answers: Answers = new Map();
    await Promise.all(
      asks.map(async (ask) => {
        try {
          const given = await twice(() => this.#coordinator.numbers([ask]));
          this.#epochs.set(ask.partition, given[0]!.epoch);
          answers.set(ask.partition, answersOf(given).get(ask.partition)!);
        } catch (error) {
          const isLost = isMillraceError(error, 'PARTITION_NUMBERS_LOST');
          answers.set(ask.partition, this.#told(isLost && whyNot !== undefined ? whyNot : error));
        }
      }),
    );
    this.#tellLost(asks, before);
    return answers;
  }

  /** They were there before, and have begun anew: Redis was emptied. */
  #tellLost(asks: readonly Ask[], before: ReadonlyMap<number, number>): void {
    const lost = asks.filter(({ partition }) => before.get(partition) !== this.#epochs.get(partition));
    const { queue } = this.#coordinator;
    const names = lost
      .filter(({ partition }) => before.has(partition))
      .map(({ partition }) => partitionQueue(queue, partition));
    if (names.length === 0) return;
    this.#logger.warn(
      { code: 'PARTITION_NUMBERS_LOST', queue },
      `Redis was emptied: the numbers of ${names.slice(0, 8).join(', ')}${names.length > 8 ? ' …' : ''} were gone, and have begun anew. Jobs that ` +
        'are in no queue just now (with a worker, in Retries) may run after later ones of their key',
    );
  }

  async #begin(asks: readonly Ask[]): Promise<void> {
    const { queue } = this.#coordinator;
    const queues = new Map(asks.map(({ partition }) => [partition, partitionQueue(queue, partition)]));
    const holding = await this.#look.holding([...queues.values()]);
    const empty = [...queues].filter(([, name]) => !holding.has(name)).map(([partition]) => partition);
    if (empty.length > 0) await twice(() => this.#coordinator.begin(empty));
  }

  /** What is wrong with the layout or the numbers is told once a minute; that Redis is away, its link tells. */
  #told(thrown: unknown): MillraceError {
    const error = isMillraceError(thrown)
      ? thrown
      : new MillraceError('INTERNAL', messageOf(thrown), { cause: thrown });
    const now = performance.now();
    const isNews = now - (this.#warnedAt.get(error.code) ?? Number.NEGATIVE_INFINITY) >= WARN_EVERY_MS;
    if (isNews && isMillraceError(error, 'PARTITION_LAYOUT', 'PARTITION_NUMBERS_LOST', 'INTERNAL')) {
      this.#warnedAt.set(error.code, now);
      this.#logger.warn({ code: error.code }, `jobs with a partition key were not pushed: ${error.message}`);
    }
    return error;
  }
}

function answersOf(numbers: readonly Numbers[]): Map<number, Given> {
  return new Map(numbers.map(({ partition, epoch, first }) => [partition, { epoch, next: first }]));
}

/** Once more after REDIS_UNAVAILABLE: a connection that was cut is soon there again. */
async function twice<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!isMillraceError(error, 'REDIS_UNAVAILABLE')) throw error;
    return ask();
  }
}
