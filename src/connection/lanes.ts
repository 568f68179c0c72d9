/**
 * A number of sockets of one purpose, kept open: one that ends is replaced, after a backoff. Several commands
 * travel on each at once (a *lane*).
 *
 * While none is up only one attempt is under way at a time, so that a Faktory that is gone, or just back, is
 * knocked at twice a second and not by every lane. One that has too many connections gets fewer (allowance.ts).
 */
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { isMillraceError, MillraceError } from '../errors.ts';
import type { Hello } from '../protocol/handshake.ts';
import type { Address } from './address.ts';
import { GROW_AFTER_MS, grown, halved, PROBE_MS } from './allowance.ts';
import { backoffMs, RECONNECT, REFUSED, wasProven } from './backoff.ts';
import type { ConnectionBudget } from './budget.ts';
import { Connection } from './connection.ts';
import { internal, isLasting } from './faults.ts';
import { Waiters } from './waiters.ts';

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
  /** Each attempt that failed, each lane lost, and INTERNAL for what a receiver threw (then no lane is lost). */
  onFault?: ((error: MillraceError) => void) | undefined;
}

/** The lanes in numbers, for metrics. */
export interface LaneCounts {
  /** Those that take commands. */
  readonly ready: number;
  readonly connecting: number;
  /** Those that answer what they have, and then end. */
  readonly releasing: number;
  readonly wanted: number;
  /** Lanes that were up and were lost, since the start. */
  readonly lost: number;
  /** Lanes that came up, since the start. */
  readonly connects: number;
}

type State = 'open' | 'closing' | 'closed';

export class Lanes {
  readonly #options: LanesOptions;
  #state: State = 'open';
  #wanted = 0;
  readonly #ready: Connection[] = [];
  readonly #connecting = new Set<Connection>();
  readonly #releasing = new Set<Connection>();
  readonly #waiters = new Waiters();
  #lost = 0;
  #connects = 0;
  /** Failures since a lane was last of use. */
  #failures = 0;
  #lastFault: MillraceError | undefined;
  #pause: NodeJS.Timeout | undefined;
  /** How many lanes Faktory's own limit leaves to us. */
  #allowed = Number.POSITIVE_INFINITY;
  #growing: NodeJS.Timeout | undefined;
  #probing: NodeJS.Timeout | undefined;
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

  get counts(): LaneCounts {
    return {
      ready: this.#ready.length,
      connecting: this.#connecting.size,
      releasing: this.#releasing.size,
      wanted: this.#wanted,
      lost: this.#lost,
      connects: this.#connects,
    };
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
    if (this.#state !== 'open' || this.#pause !== undefined || this.#probing !== undefined) return;
    if (this.#options.gate?.() === false) return;
    const most = Math.min(this.#wanted, this.#allowed);
    const isLimited = Number.isFinite(this.#allowed);
    const atOnce = isLimited || (this.#ready.length === 0 && this.#failures > 0) ? 1 : most;
    while (this.#ready.length + this.#connecting.size < most && this.#connecting.size < atOnce) {
      if (!this.#options.budget.take(this.#onFree)) return;
      this.#connecting.add(new Connection(this.#connectionOptions(), this.#events));
      if (isLimited) return this.#probe();
    }
  }

  /** The refusal comes after the welcome: that the lane is ready does not show yet that there is room. */
  #probe(): void {
    this.#probing = setTimeout(() => {
      this.#probing = undefined;
      this.refresh();
    }, PROBE_MS);
  }

  /**
   * The ready lane with the fewest unanswered commands; among equals the one that was last heard of, since one that
   * has been silent for long may be dead.
   */
  idlest(except?: ReadonlySet<Connection>): Connection | undefined {
    let best: Connection | undefined;
    for (const lane of this.#ready) {
      if (except?.has(lane)) continue;
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

  /**
   * Waits for a ready lane. Rejects with what keeps it from coming up when there is none in time, at once when
   * that will not heal by itself (a wrong password, another version), or CLOSED. With Infinity it waits on.
   */
  acquire(timeoutMs: number): Promise<Connection> {
    const lane = this.idlest();
    if (lane !== undefined) return Promise.resolve(lane);
    if (this.#state !== 'open') return Promise.reject(new MillraceError('CLOSED'));
    if (this.#wanted === 0) this.want(1);
    const { fault } = this;
    if (isLasting(fault) && Number.isFinite(timeoutMs)) return Promise.reject(fault);
    return this.#waiters.wait(timeoutMs, () => this.obstacle ?? new MillraceError('FAKTORY_UNREACHABLE'));
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
    clearTimeout(this.#growing);
    clearTimeout(this.#probing);
    for (const connection of [...this.#connecting]) connection.destroy();
    this.#waiters.refuseAll(new MillraceError('CLOSED'));
  }

  #connectionOptions() {
    const { address, hello, tlsOptions, deadlineMs, maxReplyBytes } = this.#options;
    return { address, hello, tlsOptions, deadlineMs, maxReplyBytes };
  }

  readonly #events = {
    onReady: (connection: Connection): void => {
      this.#connecting.delete(connection);
      this.#ready.push(connection);
      this.#connects += 1;
      this.#lastFault = undefined;
      while (this.#waiters.give(connection));
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
      if (!wasConnecting) this.#lost += 1;
      // Before anyone hears of it, and maybe asks for another lane.
      this.#backOff(connection, error);
      if (this.#state === 'open') {
        this.#lastFault = error;
        if (isLasting(error) && this.#ready.length === 0) this.#waiters.refuseHasty(error);
        this.#options.onFault?.(error);
      }
      if (!wasConnecting) this.#options.onLost?.(connection, error);
    },
    onThrown: (_connection: Connection, thrown: unknown): void => {
      const fault = internal(this.#options.address, thrown);
      if (this.#options.onFault === undefined) process.emitWarning(fault);
      else this.#options.onFault(fault);
    },
  };

  #backOff(connection: Connection, error: MillraceError): void {
    if (this.#state !== 'open' || this.#pause !== undefined) return;
    clearTimeout(this.#probing);
    this.#probing = undefined;
    if (wasProven(connection.answers, connection.readyAt, performance.now())) this.#failures = 0;
    if (isMillraceError(error, 'CONNECTION_LIMIT')) this.#lessen();
    // Once may be a Faktory that is going down; twice running is one that does not like us.
    const disliked = [error, this.#lastFault].every((fault) => isMillraceError(fault, 'HELLO_REFUSED'));
    const refused = isLasting(error) || isMillraceError(error, 'CONNECTION_LIMIT') || disliked;
    const waitMs = backoffMs(this.#failures, refused ? REFUSED : RECONNECT);
    this.#failures += 1;
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.refresh();
    }, waitMs);
  }

  /** Once for all that were refused together: the others come while the pause is on. */
  #lessen(): void {
    this.#allowed = halved(this.#allowed, this.#wanted);
    clearTimeout(this.#growing);
    this.#growing = setTimeout(() => this.#grow(), GROW_AFTER_MS);
  }

  #grow(): void {
    this.#allowed = grown(this.#allowed, this.#wanted);
    this.#growing = Number.isFinite(this.#allowed)
      ? setTimeout(() => this.#grow(), GROW_AFTER_MS)
      : undefined;
    this.refresh();
  }
}

function isBetter(lane: Connection, best: Connection): boolean {
  if (lane.unanswered !== best.unanswered) return lane.unanswered < best.unanswered;
  return lane.lastByteAt > best.lastByteAt;
}
