/** Carries out together what is asked for in one turn of the event loop. */

interface Waiting<T, R> {
  readonly item: T;
  resolve(result: R): void;
  reject(error: unknown): void;
}

export class Gathered<T, R> {
  readonly #carryOut: (items: readonly T[]) => Promise<readonly R[]>;
  readonly #most: number;
  #waiting: Waiting<T, R>[] = [];

  /** `carryOut` comes to one result an item, in their order; where it rejects, all of its items do. */
  constructor(carryOut: (items: readonly T[]) => Promise<readonly R[]>, most: number) {
    this.#carryOut = carryOut;
    this.#most = most;
  }

  add(item: T): Promise<R> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#flush());
      this.#waiting.push({ item, resolve, reject });
    });
  }

  #flush(): void {
    const all = this.#waiting;
    this.#waiting = [];
    for (let i = 0; i < all.length; i += this.#most) void this.#send(all.slice(i, i + this.#most));
  }

  async #send(some: readonly Waiting<T, R>[]): Promise<void> {
    try {
      const results = await this.#carryOut(some.map(({ item }) => item));
      for (const [i, { resolve }] of some.entries()) resolve(results[i]!);
    } catch (error) {
      for (const { reject } of some) reject(error);
    }
  }
}
