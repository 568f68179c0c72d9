/**
 * The partitions of a worker: which it owns of each of its queues, what is fetched of them, and how they are given up.
 * Plain queues go on beside them, for jobs without a key.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { KnownInfo } from '../../connection/info.ts';
import type { Coordinator } from '../../partitions/coordinator.ts';
import type { HeldLease } from '../../partitions/held-lease.ts';
import type { Holder } from '../../partitions/holder.ts';
import { partitionIn, partitionQueue } from '../../partitions/layout.ts';
import { type Coordinators, openCoordinators } from '../../partitions/open.ts';
import { partitionsOfOrdinal } from '../../partitions/ordinal.ts';
import type { Pusher } from '../../pushing/pusher.ts';
import { within } from '../../within.ts';
import type { HeldJob } from '../held-job.ts';
import type { Moment } from '../lease.ts';
import { RateMeter } from '../rate-meter.ts';
import { callBack } from '../wake.ts';
import { Holdings } from './holdings.ts';
import { LostNumbers } from './lost-numbers.ts';
import type { PartitionRulesOfWorker } from './options.ts';
import { OwnedPartition } from './owned-partition.ts';
import { PartitionLanes, type PartitionLanesOptions, readNote } from './partition-lanes.ts';
import { fixedLease, type PartitionLease } from './partition-lease.ts';
import { Pulse } from './pulse.ts';
import type { Surroundings } from './surroundings.ts';
import { largestOf } from './window.ts';

export interface PartitionsOfWorkerOptions
  extends Omit<Surroundings, 'onRoom' | 'askEpochs' | 'pulse' | 'largestBytes'>,
    Omit<PartitionLanesOptions, 'onReply' | 'onBack' | 'onBytes' | 'isFull'> {
  rules: PartitionRulesOfWorker;
  wid: string;
  pusher: Pusher;
  /** Reports that Faktory has not answered. */
  unreported(): number;
  slots: number;
  info(): Promise<KnownInfo>;
  /** What is to be told of a jobtype whose jobs come from partitions, if anything. */
  oddOf(jobtype: string): string | undefined;
}

/** What `worker.stats()` tells of partitions. */
export interface PartitionStats {
  /** Partitions of this worker, those that it is giving up included. */
  owned: number;
  /** Jobs that wait for their turn. */
  held: number;
  /** Partitions whose job has used up its tries (`onExhausted: 'pause'`). */
  paused: number;
  /** Partitions in which later jobs wait for a missing one. */
  gaps: number;
  /** Numbers that were gone on without; jobs that ran after their turn; jobs that were ACKed since they were done before. */
  skipped: number;
  late: number;
  repeated: number;
}

const SOAK_MS = 2_000;
const GHOST_MS = 10_000;
const MOST_KNOWN = 1_000;

export class Partitions {
  readonly #options: PartitionsOfWorkerOptions;
  readonly #lanes: PartitionLanes;
  readonly #lost: LostNumbers;
  readonly #coordinators: Coordinators | undefined;
  /** Undefined where owners are fixed. */
  readonly #holdings: Holdings | undefined;
  readonly #byName = new Map<string, OwnedPartition>();
  /** Those whose lease is over while a handler of theirs still runs. */
  readonly #ghosts = new Map<string, OwnedPartition>();
  readonly #rate = new RateMeter();
  readonly #soaked = new Map<string, Promise<void>>();
  #largestBytes = 0;
  readonly #ended = { skipped: 0, late: 0, repeated: 0 };
  /** Working, leaving (nothing is taken nor fetched any more), closed. */
  #state: 'new' | 'working' | 'leaving' | 'closed' = 'new';
  /** Jobtypes that have come. */
  readonly #known = new Set<string>();
  /** Whether some are being given up. */
  #someLeave = false;
  #waiters: (() => void)[] = [];
  readonly #around: Surroundings;

  constructor(options: PartitionsOfWorkerOptions) {
    this.#options = options;
    const { rules, logger } = options;
    this.#lost = new LostNumbers({ logger, info: () => options.info() });
    this.#coordinators = openCoordinators(rules.shared, logger);
    this.#holdings =
      this.#coordinators &&
      new Holdings({
        ...rules,
        wid: options.wid,
        logger,
        coordinators: this.#coordinators,
        info: () => options.info(),
        onGain: (queue, lease, coordinator) => void this.#onGain(queue, lease, coordinator),
        onSurplus: (queue, lease) => this.#giveUp(queue, lease.partition, lease),
        onEnd: (queue, lease) => this.#remove(queue, lease.partition),
      });
    this.#around = {
      ...options,
      pulse: new Pulse(),
      largestBytes: () => this.#largestBytes,
      onRoom: () => this.#onRoom(),
      askEpochs: (name) => {
        const partition = this.#byName.get(name);
        if (partition !== undefined) void this.#lost.ask(partition);
      },
    };
    this.#lanes = new PartitionLanes({
      ...options,
      isFull: () => options.unreported() > this.allowance + options.slots,
      onReply: (now) => this.#rate.add(now),
      onBack: () => this.#onRoom(),
      onBytes: (bytes) => {
        this.#largestBytes = largestOf(this.#largestBytes, bytes);
      },
    });
  }

  get stats(): PartitionStats {
    const sum = (read: (partition: OwnedPartition) => number): number =>
      this.all.reduce((s, p) => s + read(p), 0);
    return {
      owned: this.#byName.size,
      held: this.held,
      paused: sum((p) => Number(p.isPaused)),
      gaps: sum((p) => Number(p.gapMs() !== undefined)),
      skipped: this.#ended.skipped + sum((p) => p.skipped),
      late: this.#ended.late + sum((p) => p.late),
      repeated: this.#ended.repeated + sum((p) => p.repeated),
    };
  }

  get holders(): readonly Holder[] {
    return this.#holdings?.holders ?? [];
  }

  get all(): OwnedPartition[] {
    return [...this.#byName.values()];
  }

  /** Jobs that wait for their turn. */
  get held(): number {
    return this.all.reduce((sum, { held }) => sum + held, 0);
  }

  get outstanding(): number {
    return this.#lanes.outstanding;
  }

  get lanes(): PartitionLanes {
    return this.#lanes;
  }

  /** Jobs come. */
  get isBusy(): boolean {
    return this.#rate.perSecond(performance.now()) > 0;
  }

  /** Reports that may be owed for jobs of partitions: those of two round trips. */
  get allowance(): number {
    const perSecond = this.#rate.perSecond(performance.now());
    return Math.min(50_000, 256 + (2 * perSecond * (this.#options.roundTripMs() + 5)) / 1_000);
  }

  /** Of `orders.3`: `orders`; of any other queue itself. */
  plainQueueOf(queue: string): string {
    return this.#splitQueueOf(queue) ?? queue;
  }

  /**
   * Begins to take partitions. Rejects with PARTITION_LAYOUT where a queue has another number of them; where Redis is
   * away it goes on trying.
   */
  async start(): Promise<void> {
    if (this.#state !== 'new') return;
    this.#state = 'working';
    this.#tellStart();
    if (this.#holdings === undefined) this.#startFixed();
    else await this.#holdings.start();
  }

  #tellStart(): void {
    const { rules, logger, slots } = this.#options;
    const { shared, queues, perPod, ordinal } = rules;
    const partitions = shared.count;
    const how =
      ordinal === undefined
        ? `at most ${perPod} of each in this process`
        : `those of ordinal ${ordinal} in this process for good: without REDIS_URL order is only as Faktory gives it, and is lost ` +
          'where a job comes back or a worker dies';
    logger.info(
      { queues, partitions, perPod, ordinal },
      `Partitions: ${partitions} of each queue (${queues.join(', ')}), ${how}`,
    );
    const least = rules.concurrency * queues.length * Math.min(perPod, partitions);
    if (slots < least)
      logger.warn(
        { slots, partitions: least },
        `${least} partitions may run a job at once here, and there are ${slots} slots: some will wait for others`,
      );
  }

  #startFixed(): void {
    const { rules } = this.#options;
    const { queues, perPod, ordinal, shared } = rules;
    const numbers = partitionsOfOrdinal(ordinal!, perPod, shared.count);
    if (numbers.length === 0)
      this.#options.logger.warn(
        { ordinal },
        `no partition is left for ordinal ${ordinal}: there are ${shared.count}`,
      );
    for (const queue of queues) {
      for (const number of numbers) {
        const lease = fixedLease(number, () => this.#remove(queue, number));
        this.#own(queue, lease, undefined);
      }
    }
  }

  async #onGain(queue: string, lease: HeldLease, coordinator: Coordinator): Promise<void> {
    const name = partitionQueue(queue, lease.partition);
    await Promise.all([this.#soakUp(lease.predecessor), this.#ghostIsGone(name)]);
    if (!lease.lives) return;
    if (lease.isLeaving || this.#state !== 'working') return lease.release();
    this.#own(queue, lease, coordinator);
  }

  #own(queue: string, lease: PartitionLease, coordinator: Coordinator | undefined): void {
    const { rules } = this.#options;
    const name = partitionQueue(queue, lease.partition);
    const around = this.#around;
    const partition = new OwnedPartition({ queue, name, lease, coordinator, rules, around });
    this.#byName.set(name, partition);
    this.#lanes.add(partition);
  }

  /** What its dead owner has left waiting at Faktory would take jobs that nobody gets: tokens first. Once for each socket. */
  async #soakUp(predecessor: HeldLease['predecessor']): Promise<void> {
    const note = predecessor && readNote(predecessor.note);
    if (note === undefined) return;
    const id = `${predecessor!.owner} ${note.wakeQueue}`;
    let soaked = this.#soaked.get(id);
    if (soaked === undefined) {
      soaked = callBack(this.#options.pusher, note.wakeQueue, note.count);
      this.#soaked.set(id, soaked);
    }
    await within(soaked, SOAK_MS);
  }

  /** We had it before, and lost it while a handler ran, or a FETCH was out: those have to end first. */
  async #ghostIsGone(name: string): Promise<void> {
    const end = performance.now() + GHOST_MS;
    const isThere = (): boolean => this.#ghosts.get(name)?.isAtRest === false || this.#lanes.isNamed(name);
    while (isThere() && performance.now() < end) await pause(20, undefined, { ref: false });
    this.#ghosts.delete(name);
  }

  /** Takes a job that has come of a partition; false: it is of no partition. */
  take(held: HeldJob, now: Moment): boolean {
    const { queue, jobtype } = held.job;
    const partition = this.#byName.get(queue);
    if (partition !== undefined) {
      if (!this.#known.has(jobtype)) this.#tellOdd(queue, jobtype);
      partition.take(held, now);
    } else if (this.#splitQueueOf(queue) === undefined) return false;
    else {
      held.release();
      this.#options.giveBack(held, 'its partition is not ours any more');
    }
    return true;
  }

  /** Told once: options of a jobtype that mean something else in a partition. */
  #tellOdd(queue: string, jobtype: string): void {
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#known.add(jobtype);
    const odd = this.#options.oddOf(jobtype);
    if (odd !== undefined) this.#options.logger.warn({ queue, jobtype }, odd);
  }

  /** Asked for each job. */
  #splitQueueOf(name: string): string | undefined {
    const owned = this.#byName.get(name);
    if (owned !== undefined) return owned.queue;
    const { queues, shared } = this.#options.rules;
    return queues.find((queue) => partitionIn(name, queue, shared.count) !== undefined);
  }

  /** Called once a second. */
  sweep(now: Moment): void {
    this.#rate.span(this.#options.roundTripMs());
    for (const partition of this.all) {
      partition.sweep(now);
      if (partition.isLeaving && !this.#lanes.isOut(partition)) partition.giveBackStuck();
      this.#releaseIfDone(partition);
    }
    for (const [name, ghost] of this.#ghosts) if (ghost.isAtRest) this.#ghosts.delete(name);
    this.#lanes.tick();
    if (this.#state === 'working') void this.#lost.begin(this.all);
    this.#tellIfIdle();
  }

  #giveUp(queue: string, number: number, lease: HeldLease | undefined): void {
    const partition = this.#byName.get(partitionQueue(queue, number));
    // It has only just come, and is not fetched yet: `#onGain` gives it back.
    if (partition === undefined || (lease !== undefined && partition.lease !== lease)) return;
    partition.leave();
    this.#someLeave = true;
    this.#lanes.leave(partition);
    this.#releaseIfDone(partition);
  }

  #releaseIfDone(partition: OwnedPartition): void {
    if (!partition.isLeaving || !partition.idle || this.#lanes.isOut(partition)) return;
    if (partition.lease.lives) void partition.lease.release();
  }

  /** Its lease has ended. */
  #remove(queue: string, number: number): void {
    const name = partitionQueue(queue, number);
    const partition = this.#byName.get(name);
    if (partition === undefined) return;
    this.#byName.delete(name);
    this.#ended.skipped += partition.skipped;
    this.#ended.late += partition.late;
    this.#ended.repeated += partition.repeated;
    partition.end();
    if (!partition.isAtRest) this.#ghosts.set(name, partition);
    this.#lanes.leave(partition);
    this.#tellIfIdle();
  }

  #onRoom(): void {
    this.#lanes.refillSoon();
    if (this.#state === 'working' && !this.#someLeave) return;
    this.#someLeave = this.all.some(({ isLeaving }) => isLeaving);
    for (const partition of this.all) this.#releaseIfDone(partition);
    this.#tellIfIdle();
  }

  /** Takes and fetches nothing more; what is held is run. Resolves when no FETCH for a partition is out. */
  async leave(): Promise<void> {
    if (this.#state === 'new') this.#state = 'closed';
    if (this.#state === 'closed') return;
    this.#state = 'leaving';
    this.#holdings?.leave();
    for (const { queue, lease } of this.all) this.#giveUp(queue, lease.partition, undefined);
    await this.#until(() => !this.all.some((partition) => this.#lanes.isOut(partition)));
  }

  /** Resolves when nothing of a partition is held, or when the time is over. */
  async drained(withinMs: number): Promise<void> {
    await within(
      this.#until(() => this.all.every(({ idle }) => idle)),
      withinMs,
    );
  }

  /** What waits for its turn, or its next try, is handed back. */
  abort(): void {
    for (const partition of this.all) {
      partition.leave();
      partition.giveBackAll();
    }
  }

  /** Leases are given back where nothing runs any more; the others lapse. */
  async close(withinMs: number): Promise<void> {
    if (this.#state === 'new') this.#state = 'closed';
    if (this.#state === 'closed') return;
    for (const partition of this.all) this.#releaseIfDone(partition);
    this.#state = 'closed';
    await this.#holdings?.close(withinMs);
  }

  #tellIfIdle(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const look of waiters) look();
  }

  #until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (condition()) resolve();
        else this.#waiters.push(look);
      };
      look();
    });
  }
}
