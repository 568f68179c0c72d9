/**
 * Takes partitions of one queue for this process, keeps them, gives them up: carries out what ownership.ts decides.
 * Renews at a third of the lease; looks about once a second for what is free and who is there.
 */
import { isMillraceError, type MillraceError, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Checkpointed, Coordinator, Place, Survey } from './coordinator.ts';
import { HeldLease, type LeaseEnd } from './held-lease.ts';
import { nowOnBothClocks, renewAfterMs } from './lease-deadline.ts';
import { lookAfterMs, planOwnership } from './ownership.ts';

export interface HolderOptions {
  coordinator: Coordinator;
  /** Of this process and this start of it: never used again. */
  owner: string;
  /** PARTITIONS_PER_POD. */
  most: number;
  logger: Logger;
  /** A partition is ours: soak up what its predecessor left behind, then fetch. */
  onGain(lease: HeldLease): void;
  /** It is to be given up: stop fetching it, run what is held, then `lease.release()`. */
  onSurplus(lease: HeldLease): void;
  /** It has ended, in whatever way; its signal aborts right after. */
  onEnd?(lease: HeldLease, why: LeaseEnd): void;
}

/**
 * New, then running, then stopping (what it has is given up, and renewed until then), then closed. It stops by itself where
 * the queue has another number of partitions by now.
 */
type State = 'new' | 'running' | 'stopping' | 'closed';

export interface HolderTally {
  gained: number;
  ended: Record<LeaseEnd, number>;
}

const REMIND_AFTER_MS = 60_000;

export class Holder {
  readonly #options: HolderOptions;
  readonly #leases = new Map<number, HeldLease>();
  #state: State = 'new';
  /** Set once; renewing is over then. */
  #outdated: string | undefined;
  #survey: Survey | undefined;
  #renewAt = 0;
  #lookAt = 0;
  #wake: () => void = () => {};
  #loop: Promise<void> | undefined;
  readonly #told = new Map<string, number>();
  readonly #releasing = new Set<Promise<void>>();
  readonly tally: HolderTally = { gained: 0, ended: { released: 0, expired: 0, taken: 0 } };

  constructor(options: HolderOptions) {
    this.#options = options;
  }

  /** What it owns, what it is giving up included. */
  get leases(): readonly HeldLease[] {
    return [...this.#leases.values()];
  }

  /** Of this queue. */
  get queue(): string {
    return this.#options.coordinator.queue;
  }

  /** Why it takes no partitions any more: the queue has another number of them by now. Undefined: it has not. */
  get outdated(): string | undefined {
    return this.#outdated;
  }

  /** What it saw last of the others; undefined before the first look. */
  get survey(): Survey | undefined {
    return this.#survey;
  }

  /** Partitions that have had no owner for twice the time of a lease: their jobs do not run. */
  get ownerless(): Survey['free'] {
    const { ttlMs } = this.#options.coordinator;
    return (this.#survey?.free ?? []).filter(({ forMs }) => forMs >= 2 * ttlMs);
  }

  /** Begins to take partitions. `coordinator.agree()` comes first. */
  start(): void {
    if (this.#state !== 'new') return;
    this.#state = 'running';
    this.#loop = this.#run();
  }

  /** Gives up all that it has, in order; resolves once its leases have ended. Safe before `start`, and twice. */
  async stop(): Promise<void> {
    if (this.#state === 'new') this.#state = 'closed';
    if (this.#state === 'running') {
      this.#state = 'stopping';
      for (const lease of this.leases) this.#giveUp(lease);
      this.#wake();
    }
    await this.#loop;
  }

  /** At once: what is still held lapses, and its note tells who takes it over. */
  close(): void {
    this.#state = 'closed';
    for (const lease of this.leases) lease.end('expired');
    this.#wake();
  }

  async #run(): Promise<void> {
    const { coordinator, owner } = this.#options;
    while (this.#state === 'running' || (this.#state === 'stopping' && this.#leases.size > 0)) {
      if (this.#leases.size > 0 && performance.now() >= this.#renewAt) await this.#renew();
      if (this.#state === 'running' && performance.now() >= this.#lookAt) await this.#look();
      await this.#pause();
    }
    this.#state = 'closed';
    await Promise.all(this.#releasing);
    await coordinator.leave(owner).catch(() => {});
  }

  async #renew(): Promise<void> {
    const { coordinator, owner } = this.#options;
    const leases = this.leases;
    const askedAt = nowOnBothClocks();
    let hasFailed = false;
    try {
      const renewed = await coordinator.renew(owner, leases);
      for (const [i, lease] of leases.entries()) {
        if (renewed[i]) lease.renewed(askedAt);
        else lease.end('taken');
      }
    } catch (error) {
      hasFailed = true;
      this.#onFailure(error, 'leases of partitions could not be renewed');
    }
    this.#renewAt =
      this.#outdated === undefined
        ? performance.now() + renewAfterMs(coordinator.ttlMs, hasFailed)
        : Number.POSITIVE_INFINITY;
  }

  async #look(): Promise<void> {
    const { coordinator, owner, most } = this.#options;
    this.#setLook({ members: [], nextLapseMs: undefined });
    try {
      const survey = await coordinator.look({ owner, count: this.#leases.size, most });
      this.#survey = survey;
      const taken = await this.#carryOut(survey);
      this.#setLook(survey, survey.free.length - taken);
      this.#tellOwnerless();
      if (survey.calmMs > 0 && this.#leases.size > 0) this.#tellCalm();
    } catch (error) {
      this.#onFailure(error, 'partitions could not be looked at');
    }
  }

  #setLook(survey: Pick<Survey, 'members' | 'nextLapseMs'>, free = 0): void {
    const { coordinator, most } = this.#options;
    const hasRoomForFree = free > 0 && this.#leases.size < most;
    this.#lookAt = performance.now() + lookAfterMs(survey, coordinator.ttlMs, Math.random(), hasRoomForFree);
  }

  /** Returns how many it tried to take. */
  async #carryOut(survey: Survey): Promise<number> {
    const { coordinator, owner, most } = this.#options;
    const held = this.leases.filter(({ isLeaving }) => !isLeaving).map(({ partition }) => partition);
    const plan = planOwnership({
      owner,
      // What it is giving up is still its own.
      most: most - (this.#leases.size - held.length),
      held,
      survey,
      partitions: coordinator.partitions,
    });
    for (const partition of plan.giveUp) this.#giveUp(this.#leases.get(partition)!);
    await Promise.all(plan.acquire.map((partition) => this.#acquire(partition)));
    return plan.acquire.length;
  }

  async #acquire(partition: number): Promise<void> {
    if (this.#leases.has(partition)) return;
    const { coordinator, owner, logger } = this.#options;
    const askedAt = nowOnBothClocks();
    const acquired = await coordinator.acquire(partition, owner);
    if (acquired === undefined) return;
    const lease = new HeldLease({
      acquired,
      askedAt,
      ttlMs: coordinator.ttlMs,
      checkpoint: (held, place) => this.#checkpoint(held, place),
      release: (held) => this.#release(held),
      onEnd: (held, why) => this.#onEnd(held, why),
    });
    if (this.#leases.size === 0) this.#renewAt = performance.now() + renewAfterMs(coordinator.ttlMs, false);
    this.#leases.set(partition, lease);
    this.tally.gained += 1;
    logger.info({ queue: this.queue, partition, fence: lease.fence }, 'partition taken');
    // The answer may have come late, or the worker stops by now.
    if (!lease.lives) return;
    if (this.#state === 'running') this.#options.onGain(lease);
    else await lease.release();
  }

  #giveUp(lease: HeldLease): void {
    if (lease.isLeaving) return;
    lease.leave();
    this.#options.onSurplus(lease);
  }

  /** Where Redis has lost the lease it is told of it once more: nobody else can have got it meanwhile. */
  async #checkpoint(lease: HeldLease, place: Place): Promise<Checkpointed> {
    const { coordinator } = this.#options;
    const is = await coordinator.checkpoint(lease, place);
    if (is !== 'forgotten') return is;
    await this.#renew();
    return lease.lives ? coordinator.checkpoint(lease, place) : 'fenced';
  }

  /** Never rejects: what cannot be told lapses. */
  async #release(lease: HeldLease): Promise<void> {
    const { coordinator, logger } = this.#options;
    const told = coordinator.release(lease).then(
      () => {},
      (error) => logger.debug({}, `a partition is given up when its lease runs out: ${messageOf(error)}`),
    );
    this.#releasing.add(told);
    await told;
    this.#releasing.delete(told);
  }

  #onEnd(lease: HeldLease, why: LeaseEnd): void {
    const { logger, onEnd } = this.#options;
    this.#leases.delete(lease.partition);
    this.tally.ended[why] += 1;
    const fields = { queue: this.queue, partition: lease.partition, fence: lease.fence };
    if (why === 'released') logger.info(fields, 'partition given up');
    else logger.warn(fields, `partition lost: ${WHY[why]}`);
    onEnd?.(lease, why);
    // Who waits for all of them to end looks again.
    this.#wake();
  }

  async #pause(): Promise<void> {
    const { coordinator } = this.#options;
    if (this.#state === 'closed' || (this.#state === 'stopping' && this.#leases.size === 0)) return;
    const at = Math.min(
      this.#leases.size > 0 ? this.#renewAt : Number.POSITIVE_INFINITY,
      this.#state === 'running' ? this.#lookAt : Number.POSITIVE_INFINITY,
    );
    const ms = at - performance.now();
    if (ms <= 0) return;
    await new Promise<void>((resolve) => {
      // Where nothing is renewed any more the end of a lease wakes it.
      const timer = setTimeout(resolve, Math.min(ms, coordinator.ttlMs));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #tellOwnerless(): void {
    const { ownerless } = this;
    if (ownerless.length === 0 || !this.#isNews('ownerless')) return;
    const { coordinator, logger } = this.#options;
    const room = (this.#survey?.members ?? []).reduce((sum, { most }) => sum + most, 0);
    const named = ownerless.slice(0, 8).map(({ partition }) => partition);
    const seconds = Math.round(Math.max(...ownerless.map(({ forMs }) => forMs)) / 1_000);
    logger.warn(
      { queue: this.queue, ownerless: ownerless.length },
      `${ownerless.length} of ${coordinator.partitions} partitions of queue ${this.queue} (${named.join(', ')}${ownerless.length > 8 ? ' …' : ''}) ` +
        `have had no worker for up to ${seconds} s, and their jobs do not run: the workers that are there take ${room} ` +
        '(workers × PARTITIONS_PER_POD)',
    );
  }

  /** Whoever starts while Redis is new to all has nothing to lose by it. */
  #tellCalm(): void {
    if (!this.#isNews('calm')) return;
    const { coordinator, logger } = this.#options;
    logger.warn(
      { queue: this.queue },
      `Redis was restarted or emptied: no partition of queue ${this.queue} gets another owner for ${coordinator.ttlMs / 1_000} s. If it ` +
        'has lost data, jobs that are in no queue just now (with a worker, in Retries) may run after later ones of their key',
    );
  }

  #onFailure(error: unknown, what: string): void {
    if (isMillraceError(error, 'PARTITION_LAYOUT')) return this.#onOtherLayout(error);
    const code = isMillraceError(error) ? error.code : 'INTERNAL';
    if (this.#isNews(`${what} ${code}`))
      this.#options.logger.warn({ code, queue: this.queue }, `${what}: ${messageOf(error)}`);
  }

  /** Nothing of it can be renewed; new owners wait for the time of a lease, and until then what is held is run. */
  #onOtherLayout({ code, message }: MillraceError): void {
    this.#outdated ??= message;
    if (this.#state !== 'running') return;
    this.#state = 'stopping';
    this.#options.logger.error(
      { code, queue: this.queue },
      `no partition of queue ${this.queue} is worked on here any more, only its jobs without a key: ${message}`,
    );
    for (const lease of this.leases) this.#giveUp(lease);
  }

  /** The same once a minute. */
  #isNews(what: string): boolean {
    const now = performance.now();
    if (now - (this.#told.get(what) ?? Number.NEGATIVE_INFINITY) < REMIND_AFTER_MS) return false;
    this.#told.set(what, now);
    return true;
  }
}

const WHY: Record<LeaseEnd, string> = {
  released: 'given up',
  expired: 'its lease was not renewed in time (Redis away, or this process stood still)',
  taken: 'another worker has it',
};
