/** The Holders of a worker, one a queue: begun once all agree on the number of partitions, and given up together. */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { KnownInfo } from '../../connection/info.ts';
import { isMillraceError, messageOf } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { Coordinator } from '../../partitions/coordinator.ts';
import type { HeldLease } from '../../partitions/held-lease.ts';
import { Holder } from '../../partitions/holder.ts';
import { seenPartitions } from '../../partitions/layout.ts';
import type { Coordinators } from '../../partitions/open.ts';
import { within } from '../../within.ts';

export interface HoldingsOptions {
  coordinators: Coordinators;
  queues: readonly string[];
  perPod: number;
  wid: string;
  logger: Logger;
  info(): Promise<KnownInfo>;
  onGain(queue: string, lease: HeldLease, coordinator: Coordinator): void;
  onSurplus(queue: string, lease: HeldLease): void;
  onEnd(queue: string, lease: HeldLease): void;
}

const AGREE_AGAIN_MS = 1_000;
/** For Redis to hear what is given back. */
const LAST_MS = 300;

export class Holdings {
  readonly #options: HoldingsOptions;
  readonly holders: Holder[] = [];
  #isOpen = true;

  constructor(options: HoldingsOptions) {
    this.#options = options;
  }

  /**
   * Rejects with PARTITION_LAYOUT where a queue has another number of partitions; where Redis is away it goes on trying.
   */
  async start(): Promise<void> {
    const { coordinators, queues } = this.#options;
    coordinators.connect();
    await Promise.all(queues.map((queue) => this.#startQueue(coordinators.of(queue))));
  }

  /** Gives up all, in order. */
  leave(): void {
    this.#isOpen = false;
    for (const holder of this.holders) void holder.stop();
  }

  /** What is not given up by then lapses. */
  async close(withinMs: number): Promise<void> {
    this.leave();
    const stopped = Promise.all(this.holders.map((holder) => holder.stop()));
    await within(stopped, Math.min(withinMs, LAST_MS));
    for (const holder of this.holders) holder.close();
    this.#options.coordinators.close();
  }

  async #startQueue(coordinator: Coordinator): Promise<void> {
    const { queue } = coordinator;
    try {
      await this.#agree(coordinator);
    } catch (error) {
      if (isMillraceError(error, 'PARTITION_LAYOUT')) throw error;
      const text = `partitions are taken once Redis is there: ${messageOf(error)}`;
      this.#options.logger.warn({ queue }, text);
      void this.#agreeLater(coordinator);
      return;
    }
    this.#hold(coordinator);
  }

  async #agree(coordinator: Coordinator): Promise<void> {
    const known = await this.#options.info().catch(() => undefined);
    const { queue, partitions } = coordinator;
    const seen = known && seenPartitions(queue, partitions, known.info.faktory.queues);
    await coordinator.agree({ untouched: seen?.untouched ?? false });
  }

  async #agreeLater(coordinator: Coordinator): Promise<void> {
    let isTold = false;
    while (this.#isOpen) {
      await pause(AGREE_AGAIN_MS, undefined, { ref: false });
      try {
        await this.#agree(coordinator);
        return this.#hold(coordinator);
      } catch (error) {
        if (isTold || !isMillraceError(error, 'PARTITION_LAYOUT')) continue;
        isTold = true;
        this.#options.logger.error({ queue: coordinator.queue }, messageOf(error));
      }
    }
  }

  #hold(coordinator: Coordinator): void {
    if (!this.#isOpen) return;
    const { wid, perPod, logger, onGain, onSurplus, onEnd } = this.#options;
    const { queue } = coordinator;
    const holder = new Holder({
      coordinator,
      owner: `${wid}-${randomBytes(4).toString('hex')}`,
      most: perPod,
      logger,
      onGain: (lease) => onGain(queue, lease, coordinator),
      onSurplus: (lease) => onSurplus(queue, lease),
      onEnd: (lease) => onEnd(queue, lease),
    });
    this.holders.push(holder);
    holder.start();
  }
}
