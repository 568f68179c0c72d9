import { MillraceError } from '../errors.ts';
import type { JobPayload } from '../protocol/job.ts';
import type { Charge } from './credits.ts';
import type { Lease } from './lease.ts';
import type { Keeper } from './partitions/keeper.ts';

/**
 * The life of a job that Faktory has handed to us: it is *ready* until a slot is free, then *running*; *returning*
 * while a copy of it is pushed back; *delivering* while its result is not stored yet; *reporting* from the moment its
 * ACK or FAIL is in the outbox until Faktory has answered; *settled* when nothing more is owed. It only moves forward.
 */
export type HeldState = 'ready' | 'running' | 'returning' | 'delivering' | 'reporting' | 'settled';

const NEXT: Record<HeldState, readonly HeldState[]> = {
  ready: ['running', 'returning', 'reporting', 'settled'],
  running: ['returning', 'delivering', 'reporting', 'settled'],
  returning: ['reporting', 'settled'],
  delivering: ['returning', 'reporting', 'settled'],
  reporting: ['settled'],
  settled: [],
};

export class HeldJob {
  readonly job: JobPayload;
  readonly lease: Lease;
  #state: HeldState = 'ready';
  #controller: AbortController | undefined;
  #abortReason: MillraceError | undefined;
  /** When its handler was called, before that when it came (ms, monotonic). */
  startedAt: number;
  /** Set once its handler was warned that the reservation nears its end. */
  warned = false;
  /** Where its jobtype has a handlerTimeoutMs. */
  timeout: NodeJS.Timeout | undefined;
  /** Who looks after it beyond its slot: the partition whose turn it is. */
  keeper: Keeper<HeldJob> | undefined;
  /** What its queue's credit is charged until it has left its slot. */
  readonly charge: Charge | undefined;

  constructor(job: JobPayload, lease: Lease, startedAt: number, charge?: Charge) {
    this.job = job;
    this.lease = lease;
    this.startedAt = startedAt;
    this.charge = charge;
  }

  get state(): HeldState {
    return this.#state;
  }

  moveTo(next: HeldState): void {
    if (!NEXT[this.#state].includes(next)) {
      throw new MillraceError(
        'PROTOCOL_VIOLATION',
        `job ${this.job.jid} cannot go from ${this.#state} to ${next}`,
      );
    }
    this.#state = next;
  }

  /** Made when a handler first asks for it: most never do. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
    return this.#controller.signal;
  }

  /** What it was aborted for, if it was. */
  get abortReason(): MillraceError | undefined {
    return this.#abortReason;
  }

  get aborted(): boolean {
    return this.#abortReason !== undefined;
  }

  abort(reason: MillraceError): void {
    if (this.#abortReason !== undefined) return;
    this.#abortReason = reason;
    this.#controller?.abort(reason);
  }

  /** It waits for no slot and holds none any more: its queue has credit for another. */
  release(): void {
    this.charge?.release();
  }
}
