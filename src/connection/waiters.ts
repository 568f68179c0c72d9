import type { MillraceError } from '../errors.ts';
import type { Connection } from './connection.ts';

interface Waiter {
  resolve(lane: Connection): void;
  reject(error: MillraceError): void;
  /** None for who waits as long as it takes. */
  readonly timer: NodeJS.Timeout | undefined;
}

/** Who waits for a lane, in the order of asking, each for its own time. */
export class Waiters {
  readonly #waiting = new Set<Waiter>();

  /** Resolves to a lane; rejects with what `why` says when there is none in time (Infinity: never). */
  wait(timeoutMs: number, why: () => MillraceError): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => this.#refuse(waiter, why());
      const timer = Number.isFinite(timeoutMs) ? setTimeout(giveUp, timeoutMs) : undefined;
      const waiter: Waiter = { resolve, reject, timer };
      this.#waiting.add(waiter);
    });
  }

  /** Gives the lane to the first; false when nobody waits. */
  give(lane: Connection): boolean {
    const [waiter] = this.#waiting;
    if (waiter === undefined) return false;
    this.#waiting.delete(waiter);
    clearTimeout(waiter.timer);
    waiter.resolve(lane);
    return true;
  }

  refuseAll(error: MillraceError): void {
    for (const waiter of this.#waiting) this.#refuse(waiter, error);
  }

  /** Refuses those that would not wait for as long as it takes. */
  refuseHasty(error: MillraceError): void {
    for (const waiter of this.#waiting) if (waiter.timer !== undefined) this.#refuse(waiter, error);
  }

  #refuse(waiter: Waiter, error: MillraceError): void {
    this.#waiting.delete(waiter);
    clearTimeout(waiter.timer);
    waiter.reject(error);
  }
}
