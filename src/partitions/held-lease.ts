/** A partition that this process owns, for as long as that may be relied on. */
import type { Acquired, Checkpointed, Epoch, Place } from './coordinator.ts';
import { leaseLeftMs, type Moment, nowOnBothClocks } from './lease-deadline.ts';

/**
 * Why a lease ended: given back; not renewed in time (Redis away, or the process stood still); or another has it.
 */
export type LeaseEnd = 'released' | 'expired' | 'taken';

/** Its life: held, then leaving (no new jobs: another lacks partitions, or the worker stops), then ended. */
type State = 'held' | 'leaving' | LeaseEnd;

export interface HeldLeaseOptions {
  acquired: Acquired;
  ttlMs: number;
  /** From before it was asked for. */
  askedAt: Moment;
  checkpoint(lease: HeldLease, place: Place): Promise<Checkpointed>;
  release(lease: HeldLease): Promise<void>;
  onEnd(lease: HeldLease, why: LeaseEnd): void;
}

export class HeldLease {
  readonly partition: number;
  readonly owner: string;
  /** Greater than that of any owner before: whoever is shown two takes the greater one for true. */
  readonly fence: number;
  /** How far the partition had come; undefined where its numbers were lost. */
  readonly place: Place | undefined;
  readonly epochs: readonly Epoch[];
  /** Who had it and died, with its note; undefined: nobody, or it was given back in order. */
  readonly predecessor: Acquired['predecessor'];
  /** For who takes it over should this process die: told with every renewal. */
  note = '';
  readonly #options: HeldLeaseOptions;
  readonly #abort = new AbortController();
  #state: State = 'held';
  #askedAt: Moment;
  #timer: NodeJS.Timeout;

  constructor(options: HeldLeaseOptions) {
    const { acquired } = options;
    this.#options = options;
    this.#askedAt = options.askedAt;
    this.partition = acquired.partition;
    this.owner = acquired.owner;
    this.fence = acquired.fence;
    this.place = acquired.place;
    this.epochs = acquired.epochs;
    this.predecessor = acquired.predecessor;
    this.#timer = this.#arm();
  }

  /** Aborts when the lease has ended, however: what still runs must stop. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** To be asked right before each start of a job: a process that stood still finds out here, before any timer. */
  get lives(): boolean {
    if (this.#isOver) return false;
    if (this.leftMs > 0) return true;
    this.end('expired');
    return false;
  }

  get isLeaving(): boolean {
    return this.#state === 'leaving';
  }

  /** How long it may be relied on. */
  get leftMs(): number {
    return leaseLeftMs(this.#askedAt, this.#options.ttlMs, nowOnBothClocks());
  }

  /**
   * Says how far the partition has come. False: the lease has ended, and nothing is to be ACKed any more. Rejects with
   * REDIS_UNAVAILABLE: try again while it lives.
   */
  async checkpoint(place: Place): Promise<boolean> {
    if (!this.lives) return false;
    const is = await this.#options.checkpoint(this, place);
    if (is !== 'stored') this.end('taken');
    return is === 'stored';
  }

  /** For its owner, once nothing of the partition runs or is held any more. Never rejects: what cannot be told lapses. */
  async release(): Promise<void> {
    if (this.#isOver) return;
    this.end('released');
    await this.#options.release(this);
  }

  /** For its Holder. */
  leave(): void {
    if (this.#state === 'held') this.#state = 'leaving';
  }

  /** For its Holder: it lives on from `askedAt`, when that was asked for; what has ended stays so. */
  renewed(askedAt: Moment): void {
    if (!this.#isOver) this.#askedAt = askedAt;
  }

  /** For its Holder. */
  end(why: LeaseEnd): void {
    if (this.#isOver) return;
    this.#state = why;
    clearTimeout(this.#timer);
    this.#options.onEnd(this, why);
    this.#abort.abort();
  }

  get #isOver(): boolean {
    return this.#state !== 'held' && this.#state !== 'leaving';
  }

  #arm(): NodeJS.Timeout {
    const timer = setTimeout(
      () => {
        if (this.lives) this.#timer = this.#arm();
      },
      Math.max(1, this.leftMs),
    );
    timer.unref();
    return timer;
  }
}
