/** Partitions whose numbers were never begun, or were lost: they begin anew once no job of theirs waits anywhere. */
import type { KnownInfo } from '../../connection/info.ts';
import { messageOf } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import { seenPartitions } from '../../partitions/layout.ts';
import type { OwnedPartition } from './owned-partition.ts';

export interface LostNumbersOptions {
  logger: Logger;
  /** INFO, up to 15 s old. */
  info(): Promise<KnownInfo>;
}

/** What is known may be older than the partition has been idle by so much: INFO is asked for but now and then. */
const SLACK_MS = 1_000;

export class LostNumbers {
  readonly #options: LostNumbersOptions;
  #isBeginning = false;

  constructor(options: LostNumbersOptions) {
    this.#options = options;
  }

  /** Called once a second, with those that are owned. */
  async begin(owned: readonly OwnedPartition[]): Promise<void> {
    const lost = owned.filter(({ isNumbered, coordinator }) => !isNumbered && coordinator !== undefined);
    if (lost.length === 0 || this.#isBeginning) return;
    this.#isBeginning = true;
    try {
      await this.#beginEmpty(lost.filter(({ idle }) => idle));
      for (const partition of lost) await this.ask(partition);
    } catch (error) {
      this.#options.logger.debug({}, `numbers of partitions are begun later: ${messageOf(error)}`);
    } finally {
      this.#isBeginning = false;
    }
  }

  /** Whether they have begun: another may have done it. The partition is told. */
  async ask(partition: OwnedPartition): Promise<void> {
    const epochs = await partition.coordinator!.epochs(partition.lease.partition).catch(() => []);
    partition.begin(epochs);
  }

  async #beginEmpty(idle: readonly OwnedPartition[]): Promise<void> {
    if (idle.length === 0) return;
    const since = performance.now();
    const { info, askedAt } = await this.#options.info();
    if (askedAt < since - SLACK_MS) return;
    for (const coordinator of new Set(idle.map((partition) => partition.coordinator!))) {
      const { empty } = seenPartitions(coordinator.queue, coordinator.partitions, info.faktory.queues);
      const ofQueue = idle.filter((partition) => partition.coordinator === coordinator && partition.idle);
      const numbers = ofQueue.map(({ lease }) => lease.partition).filter((each) => empty.includes(each));
      if (numbers.length > 0) await coordinator.begin(numbers);
    }
  }
}
