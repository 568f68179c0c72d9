/** Drops results that were reduced before: at least once delivers some of them twice. */

export interface RecentSourcesOptions {
  /** How many are remembered at most (default 100,000): the oldest are forgotten first. */
  maxSize?: number;
  /** For how long, in ms (default an hour). */
  windowMs?: number;
}

/**
 * Remembers the sources of results for a while, in this process. A reducer that writes into a database does better
 * there, in its own transaction: that knows duplicates that other processes have had, and those of last week.
 *
 *     const recent = new RecentSources();
 *     worker.registerReducer('sum', { process: (results) => recent.once(results, (fresh) => addUp(fresh)) });
 */
export class RecentSources {
  readonly #maxSize: number;
  readonly #windowMs: number;
  /** When each was reduced, the oldest first. */
  readonly #seen = new Map<string, number>();
  /** Those that are being reduced. */
  readonly #busy = new Map<string, Promise<unknown>>();

  /** Throws RangeError for a size or a time that is not over 0. */
  constructor({ maxSize = 100_000, windowMs = 3_600_000 }: RecentSourcesOptions = {}) {
    if (!(maxSize > 0 && windowMs > 0)) throw new RangeError('maxSize and windowMs must be over 0');
    this.#maxSize = maxSize;
    this.#windowMs = windowMs;
  }

  /** How many are remembered. */
  get size(): number {
    return this.#seen.size;
  }

  /**
   * Calls `reduce` with those results whose source is new, not at all where none is. They are remembered once it has
   * ended well: what it throws is thrown on, and the batch that comes again finds them new. Of a source that another
   * batch is busy with, it waits to hear how that ends.
   */
  async once<T extends { source: string }, R>(
    results: readonly T[],
    reduce: (fresh: T[]) => R | Promise<R>,
    now: () => number = () => performance.now(),
  ): Promise<R | undefined> {
    for (;;) {
      const busy = results.map(({ source }) => this.#busy.get(source)).filter((each) => each !== undefined);
      if (busy.length === 0) break;
      await Promise.allSettled(busy);
    }
    this.#forget(now());
    const fresh = new Map<string, T>();
    for (const result of results) {
      if (!this.#seen.has(result.source) && !fresh.has(result.source)) fresh.set(result.source, result);
    }
    if (fresh.size === 0) return undefined;
    const working = (async () => reduce([...fresh.values()]))();
    for (const source of fresh.keys()) this.#busy.set(source, working);
    try {
      const value = await working;
      const at = now();
      for (const source of fresh.keys()) this.#seen.set(source, at);
      this.#forget(at);
      return value;
    } finally {
      for (const source of fresh.keys()) this.#busy.delete(source);
    }
  }

  #forget(now: number): void {
    for (const [source, at] of this.#seen) {
      if (this.#seen.size <= this.#maxSize && now - at < this.#windowMs) return;
      this.#seen.delete(source);
    }
  }
}
