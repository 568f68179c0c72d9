/** Drops results that were reduced before: at least once delivers some of them twice. */
import { SourceMemory } from './source-memory.ts';

export interface RecentSourcesOptions {
  /**
   * How many are remembered at most (default 1,000,000, of some 70 bytes each): the oldest are forgotten first. Have at
   * least results a second × seconds of the window.
   */
  maxSize?: number;
  /** For how long, in ms (default an hour). Have `reserve_for` of the jobs, and two minutes. */
  windowMs?: number;
  /** Told once, when `maxSize` has made it forget before the window is over. Default: a warning of the process. */
  onForgotten?: (text: string) => void;
  /** The time in ms, for tests (default: performance.now). */
  now?: () => number;
}

export interface OnceOptions {
  /** Of the batch's job, `ctx.signal`: when it aborts nobody waits for its `reduce` any more, nor does it for others. */
  signal?: AbortSignal;
}

/**
 * Remembers the sources of results for a while, in this process. A reducer that writes into a database does better
 * there, in its own transaction: that knows duplicates that other processes have had, and those of last week.
 *
 *     const recent = new RecentSources();
 *     worker.registerReducer('sum', {
 *       process: (results, { signal }) => recent.once(results, (fresh) => addUp(fresh), { signal }),
 *     });
 */
export class RecentSources {
  readonly #windowMs: number;
  readonly #onForgotten: (text: string) => void;
  readonly #now: () => number;
  readonly #memory: SourceMemory;
  /** Of those that are being reduced: resolves when that is over, or is not waited for any more. */
  readonly #busy = new Map<string, Promise<void>>();
  #forgotten = 0;

  /** Throws RangeError for a size or a time that is not over 0. */
  constructor(options: RecentSourcesOptions = {}) {
    const { maxSize = 1_000_000, windowMs = 3_600_000, onForgotten = warn, now } = options;
    if (!(maxSize > 0 && windowMs > 0)) throw new RangeError('maxSize and windowMs must be over 0');
    this.#memory = new SourceMemory({ maxSize, windowMs });
    this.#windowMs = windowMs;
    this.#onForgotten = onForgotten;
    this.#now = now ?? (() => performance.now());
  }

  /** How many are remembered. */
  get size(): number {
    return this.#memory.size;
  }

  /** How many were forgotten before the window was over: a duplicate of theirs is reduced again. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /**
   * Calls `reduce` with those results whose source is new, not at all where none is. They are remembered once it has
   * ended well: what it throws is thrown on, and the batch that comes again finds them new. Of a source that another
   * batch is busy with, it waits to hear how that ends, unless that was told to end. Rejects with the signal's reason
   * where it is told so itself while it waits.
   */
  async once<T extends { source: string }, R>(
    results: readonly T[],
    reduce: (fresh: T[]) => R | Promise<R>,
    { signal }: OnceOptions = {},
  ): Promise<R | undefined> {
    signal?.throwIfAborted();
    // From the last look to the mark below nothing may be awaited: another batch would come between.
    for (let busy = this.#busyWith(results); busy.length > 0; busy = this.#busyWith(results)) {
      await endOrAbort(Promise.all(busy), signal);
      signal?.throwIfAborted();
    }
    this.#forget();
    const fresh = new Map<string, T>();
    for (const result of results) {
      if (!this.#memory.has(result.source) && !fresh.has(result.source)) fresh.set(result.source, result);
    }
    if (fresh.size === 0) return undefined;
    const reducing = this.#reduce(fresh, reduce);
    const over = endOrAbort(reducing, signal);
    for (const source of fresh.keys()) this.#busy.set(source, over);
    // Before anybody who waits for it goes on.
    void over.then(() => {
      for (const source of fresh.keys()) this.#busy.delete(source);
    });
    return reducing;
  }

  #busyWith(results: readonly { source: string }[]): Promise<void>[] {
    return results.map(({ source }) => this.#busy.get(source)).filter((over) => over !== undefined);
  }

  async #reduce<T, R>(fresh: ReadonlyMap<string, T>, reduce: (fresh: T[]) => R | Promise<R>): Promise<R> {
    const value = await reduce([...fresh.values()]);
    const now = this.#now();
    for (const source of fresh.keys()) this.#memory.add(source, now);
    this.#forget();
    return value;
  }

  #forget(): void {
    const { early, ageMs } = this.#memory.forget(this.#now());
    if (early === 0) return;
    const isFirst = this.#forgotten === 0;
    this.#forgotten += early;
    if (!isFirst) return;
    const seconds = (ms: number): string => (ms / 1_000).toFixed(0);
    const text = `sources of results are forgotten after ${seconds(ageMs)} s, not ${seconds(this.#windowMs)}: duplicates that come later are reduced again; RecentSources needs a maxSize of results a second × seconds of the window`;
    this.#onForgotten(text);
  }
}

function warn(text: string): void {
  process.emitWarning(text, { code: 'MILLRACE_SOURCES_FORGOTTEN' });
}

/** Resolves when the work has ended, well or not, or the signal aborts. */
function endOrAbort(work: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      signal?.removeEventListener('abort', end);
      resolve();
    };
    work.then(end, end);
    if (signal?.aborted) end();
    else signal?.addEventListener('abort', end);
  });
}
