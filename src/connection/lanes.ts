/**
 * A number of sockets of one purpose, kept open: one that ends is replaced, after a backoff. Several commands
 * travel on each at once (a *lane*).
 *
 * While none is up only one attempt is under way at a time, so that a Faktory that is gone, or just back, is
 * knocked at twice a second and not by every lane.
 */
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { isMillraceError, MillraceError } from '../errors.ts';
import type { Hello } from '../protocol/handshake.ts';
import type { Address } from './address.ts';
import { backoffMs, RECONNECT, REFUSED } from './backoff.ts';
import type { ConnectionBudget } from './budget.ts';
import { Connection } from './connection.ts';

export interface LanesOptions {
  address: Address;
  hello: Hello;
  tlsOptions?: TlsOptions | undefined;
  budget: ConnectionBudget;
  /** See Connection. */
  deadlineMs: number;
  maxReplyBytes?: number | undefined;
  /** Sockets are opened only while this says so; call `refresh()` when it may have changed. */
  gate?: (() => boolean) | undefined;
  onReady?: ((connection: Connection) => void) | undefined;
  onLost?: ((connection: Connection, error: MillraceError) => void) | undefined;
  /** Each attempt that failed, and each lane lost. */
  onFault?: ((error: MillraceError) => void) | undefined;
}

type State = 'open' | 'closing' | 'closed';

export class Lanes {
  readonly #options: LanesOptions;
  #state: State = 'open';
  #wanted = 0;
  readonly #ready: Connection[] = [];
  readonly #connecting = new Set<Connection>();
  readonly #releasing = new Set<Connection>();
  readonly #waiters = new Set<Waiter>();
  #failures = 0;
  #lastFault: MillraceError | undefined;
  #pause: NodeJS.Timeout | undefined;
  readonly #onFree = (): void => this.refresh();

  constructor(options: LanesOptions) {
    this.#options = options;
  }

  /** The lanes that take commands now. */
  get ready(): readonly Connection[] {
    return this.#ready;
  }

  /** How many lanes are wanted. */
  get wanted(): number {
    return this.#wanted;
  }

  /** Why there is no lane, while none is up. */
  get fault(): MillraceError | undefined {
    return this.#ready.length > 0 ? undefined : this.obstacle;
  }

  /** What keeps more lanes from coming up: the fault of the last attempt, or the budget. */
  get obstacle(): MillraceError | undefined {
    if (this.#lastFault !== undefined) return this.#lastFault;
    const { limit, used } = this.#options.budget;
    if (this.#connecting.size > 0 || used < limit) return undefined;
    return new MillraceError(
      'CONNECTION_LIMIT',
      `all ${limit} connections that FAKTORY_MAX_CONNECTIONS allows are in use`,
    );
  }

  /** Keeps `count` lanes open from now on; more than are wanted stay until they are closed or lost. */
  want(count: number): void {
    this.#wanted = count;
    this.refresh();
  }

  /** Opens what is wanted and allowed. */
  refresh(): void {
    if (this.#state !== 'open' || this.#pause !== undefined) return;
    if (this.#options.gate?.() === false) return;
    const atOnce = this.#ready.length === 0 && this.#failures > 0 ? 1 : this.#wanted;
    while (this.#ready.length + this.#connecting.size < this.#wanted && this.#connecting.size < atOnce) {
      if (!this.#options.budget.take(this.#onFree)) return;
      this.#connecting.add(new Connection(this.#connectionOptions(), this.#events));
    }
  }

  /**
   * The ready lane with the fewest unanswered commands; among equals the one that was last heard of, since one that
   * has been silent for long may be dead.
   */
  idlest(): Connection | undefined {
    let best: Connection | undefined;
    for (const lane of this.#ready) {
      if (best === undefined || isBetter(lane, best)) best = lane;
    }
    return best;
  }

  /**
   * Replaces the lanes from which nothing has come for so long. An idle lane is rightly silent: this is for when
   * another has been found dead, because what cuts one link often cuts all.
   */
  dropSilent(silentMs: number): void {
    const since = performance.now() - silentMs;
    for (const lane of this.#ready.filter((each) => each.lastByteAt < since)) {
      lane.destroy(
        new MillraceError('CONNECTION_STALLED', 'another lane was found dead: the silent ones are replaced'),
      );
    }
  }

  /** Waits for a ready lane; rejects with what keeps it from coming up when there is none in time, or CLOSED. */
  acquire(timeoutMs: number): Promise<Connection> {
    const lane = this.idlest();
    if (lane !== undefined) return Promise.resolve(lane);
    if (this.#state !== 'open') return Promise.reject(new MillraceError('CLOSED'));
    if (this.#wanted === 0) this.want(1);
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        this.#waiters.delete(waiter);
        reject(this.obstacle ?? new MillraceError('FAKTORY_UNREACHABLE'));
      };
      const timer = Number.isFinite(timeoutMs) ? setTimeout(giveUp, timeoutMs) : undefined;
      const waiter: Waiter = { resolve, reject, timer };
      this.#waiters.add(waiter);
    });
  }

  /** Lets go of one lane: it takes nothing more, answers what it has, then ends; it is not replaced. */
  async release(connection: Connection): Promise<void> {
    const at = this.#ready.indexOf(connection);
    if (at === -1) return;
    this.#ready.splice(at, 1);
    this.#releasing.add(connection);
    this.#wanted = Math.max(0, this.#wanted - 1);
    await connection.close();
  }

  /** Ends all lanes once they have answered what they have. */
  async close(): Promise<void> {
    if (this.#state === 'open') this.#stop('closing');
    for (const lane of this.#ready.splice(0)) this.#releasing.add(lane);
    await Promise.all([...this.#releasing].map((lane) => lane.close()));
    this.#state = 'closed';
  }

  /** Ends all lanes at once. */
  destroy(): void {
    this.#stop('closed');
    for (const lane of [...this.#ready, ...this.#releasing]) lane.destroy();
  }

  #stop(state: 'closing' | 'closed'): void {
    this.#state = state;
    clearTimeout(this.#pause);
    for (const connection of [...this.#connecting]) connection.destroy();
    for (const { reject, timer } of this.#waiters) {
      clearTimeout(timer);
      reject(new MillraceError('CLOSED'));
    }
    this.#waiters.clear();
  }

  #connectionOptions() {
    const { address, hello, tlsOptions, deadlineMs, maxReplyBytes } = this.#options;
    return { address, hello, tlsOptions, deadlineMs, maxReplyBytes };
  }

  readonly #events = {
    onReady: (connection: Connection): void => {
      this.#connecting.delete(connection);
      this.#ready.push(connection);
      this.#failures = 0;
      this.#lastFault = undefined;
      for (const { resolve, timer } of this.#waiters) {
        clearTimeout(timer);
        resolve(connection);
      }
      this.#waiters.clear();
      this.#options.onReady?.(connection);
      this.refresh();
    },
    onClosed: (connection: Connection, error: MillraceError | undefined): void => {
      const wasConnecting = this.#connecting.delete(connection);
      this.#releasing.delete(connection);
      const at = this.#ready.indexOf(connection);
      if (at !== -1) this.#ready.splice(at, 1);
      this.#options.budget.giveBack();
      if (error === undefined || this.#state === 'closed') return this.refresh();
      if (this.#state === 'open') {
        this.#lastFault = error;
        this.#options.onFault?.(error);
      }
      if (!wasConnecting) this.#options.onLost?.(connection, error);
      this.#backOff(error);
    },
  };

  #backOff(error: MillraceError): void {
    if (this.#state !== 'open' || this.#pause !== undefined) return;
    const refused = isMillraceError(error, 'FAKTORY_PASSWORD', 'FAKTORY_VERSION', 'CONNECTION_LIMIT');
    const waitMs = backoffMs(this.#failures, refused ? REFUSED : RECONNECT);
    this.#failures += 1;
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.refresh();
    }, waitMs);
  }
}

function isBetter(lane: Connection, best: Connection): boolean {
  if (lane.unanswered !== best.unanswered) return lane.unanswered < best.unanswered;
  return lane.lastByteAt > best.lastByteAt;
}

interface Waiter {
  resolve(connection: Connection): void;
  reject(error: MillraceError): void;
  timer: NodeJS.Timeout | undefined;
}
