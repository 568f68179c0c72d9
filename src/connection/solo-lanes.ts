/**
 * Lanes for commands that block: each lane carries one command at a time. When none is free one more is opened;
 * of those that nobody needs any more one is kept for the next command.
 */
import { MillraceError } from '../errors.ts';
import type { Connection } from './connection.ts';
import { Lanes, type LanesOptions } from './lanes.ts';

export class SoloLanes {
  readonly #lanes: Lanes;
  #free: Connection[] = [];
  #users = 0;
  /** Who waits for a lane, in order. */
  readonly #waiting = new Set<Waiter>();

  constructor(options: Omit<LanesOptions, 'onReady'>) {
    this.#lanes = new Lanes({ ...options, onReady: (lane) => this.#offer(lane) });
  }

  /**
   * Runs `command` on a lane that is its own until it is settled. Rejects as it does, or with what keeps a lane
   * from being had in time, or CLOSED.
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
    for (const waiter of this.#waiting) this.#refuse(waiter, new MillraceError('CLOSED'));
    await this.#lanes.close();
  }

  #takeFree(): Connection | undefined {
    this.#free = this.#free.filter((lane) => lane.ready);
    return this.#free.pop();
  }

  #wait(timeoutMs: number): Promise<Connection> {
    if (this.#lanes.wanted < this.#users) this.#lanes.want(this.#users);
    return new Promise((resolve, reject) => {
      const giveUp = (): void =>
        this.#refuse(waiter, this.#lanes.obstacle ?? new MillraceError('FAKTORY_UNREACHABLE'));
      const waiter: Waiter = { resolve, reject, timer: setTimeout(giveUp, timeoutMs) };
      this.#waiting.add(waiter);
    });
  }

  #refuse(waiter: Waiter, error: MillraceError): void {
    this.#waiting.delete(waiter);
    clearTimeout(waiter.timer);
    waiter.reject(error);
  }

  /** A lane is new, or its command is settled. */
  #offer(lane: Connection): void {
    if (!lane.ready) return;
    const [waiter] = this.#waiting;
    if (waiter !== undefined) {
      this.#waiting.delete(waiter);
      clearTimeout(waiter.timer);
      waiter.resolve(lane);
    } else if (this.#free.length === 0) this.#free.push(lane);
    else void this.#lanes.release(lane);
  }
}

interface Waiter {
  resolve(lane: Connection): void;
  reject(error: MillraceError): void;
  readonly timer: NodeJS.Timeout;
}
