import { MillraceError } from '../errors.ts';

/**
 * How many sockets to Faktory a process may hold (FAKTORY_MAX_CONNECTIONS). One budget is shared by all that
 * connect in the process; a socket is counted from its first SYN to its close.
 */
export class ConnectionBudget {
  readonly limit: number;
  #used = 0;
  readonly #waiting = new Set<() => void>();

  /** Throws CONFIG_INVALID for a limit that is no whole number from 1. */
  constructor(limit = 64) {
    if (!Number.isSafeInteger(limit) || limit < 1)
      throw new MillraceError('CONFIG_INVALID', `maxConnections is ${limit}, it takes a whole number from 1`);
    this.limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  /**
   * Takes one if there is one left; otherwise `onFree` is called, once, when one is given back. Give the same
   * function each time: who asks twice waits once.
   */
  take(onFree?: () => void): boolean {
    if (this.#used >= this.limit) {
      if (onFree !== undefined) this.#waiting.add(onFree);
      return false;
    }
    this.#used += 1;
    return true;
  }

  /** Whoever is told may need none any more: then the next is. */
  giveBack(): void {
    this.#used -= 1;
    for (const onFree of [...this.#waiting]) {
      if (this.#used >= this.limit) return;
      this.#waiting.delete(onFree);
      onFree();
    }
  }
}
