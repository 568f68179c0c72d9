/**
 * How many sockets to Faktory a process may hold (FAKTORY_MAX_CONNECTIONS). One budget is shared by all that
 * connect in the process; a socket is counted from its first SYN to its close.
 */
export class ConnectionBudget {
  readonly limit: number;
  #used = 0;
  readonly #waiting = new Set<() => void>();

  constructor(limit = 64) {
    this.limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  /** Takes one if there is one left; otherwise `onFree` is called, once, when one is given back. */
  take(onFree?: () => void): boolean {
    if (this.#used >= this.limit) {
      if (onFree !== undefined) this.#waiting.add(onFree);
      return false;
    }
    this.#used += 1;
    return true;
  }

  giveBack(): void {
    this.#used -= 1;
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    next();
  }
}
