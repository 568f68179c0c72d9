/**
 * Lanes for commands that block: each lane carries one command at a time. When none is free one more is opened;
 * of those that nobody needs any more one is kept for the next command.
 */
import { MillraceError } from '../errors.ts';
import type { Connection } from './connection.ts';
import { isLasting } from './faults.ts';
import { Lanes, type LanesOptions } from './lanes.ts';
import { Waiters } from './waiters.ts';

export class SoloLanes {
  readonly #lanes: Lanes;
  #free: Connection[] = [];
  #users = 0;
  readonly #waiters = new Waiters();

  constructor(options: Omit<LanesOptions, 'onReady'>) {
    this.#lanes = new Lanes({
      ...options,
      onReady: (lane) => this.#offer(lane),
      onFault: (error) => {
        if (isLasting(error) && this.#lanes.ready.length === 0) this.#waiters.refuseHasty(error);
        options.onFault?.(error);
      },
    });
  }

  /**
   * Runs `command` on a lane that is its own until it is settled. Rejects as it does, or with what keeps a lane
   * from being had in time (at once when that will not heal by itself), or CLOSED.
   */
  async use<T>(timeoutMs: number, command: (lane: Connection) => Promise<T>): Promise<T> {
    this.#users += 1;
    try {
      const lane = this.#takeFree() ?? (await this.#wait(timeoutMs));
      return await command(lane).finally(() => this.#offer(lane));
    } finally {
      this.#users -= 1;
    }
  }

  /** Takes nothing more; ends all lanes once they have answered what they have. */
  async close(): Promise<void> {
    this.#waiters.refuseAll(new MillraceError('CLOSED'));
    await this.#lanes.close();
  }

  #takeFree(): Connection | undefined {
    this.#free = this.#free.filter((lane) => lane.ready);
    return this.#free.pop();
  }

  #wait(timeoutMs: number): Promise<Connection> {
    if (this.#lanes.wanted < this.#users) this.#lanes.want(this.#users);
    const { fault } = this.#lanes;
    if (isLasting(fault)) return Promise.reject(fault);
    const why = (): MillraceError => this.#lanes.obstacle ?? new MillraceError('FAKTORY_UNREACHABLE');
    return this.#waiters.wait(timeoutMs, why);
  }

  /** A lane is new, or its command is settled. */
  #offer(lane: Connection): void {
    if (!lane.ready) return;
    if (this.#waiters.give(lane)) return;
    if (this.#free.length === 0) this.#free.push(lane);
    else void this.#lanes.release(lane);
  }
}
