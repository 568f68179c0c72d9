/**
 * Numbers of an epoch that were put back into Faktory's queue, in the order in which they were: each comes when the queue
 * has come that far. Pure.
 */
export class Away {
  /** Number, and which put-back it was. */
  readonly #order = new Map<number, number>();
  #putBacks = 0;
  /** The latest put-back whose job has come again. */
  #cameUpTo = 0;

  add(number: number): void {
    this.#order.set(number, ++this.#putBacks);
  }

  /** It has come. */
  came(number: number): void {
    this.#cameUpTo = Math.max(this.#cameUpTo, this.#order.get(number) ?? 0);
    this.#order.delete(number);
  }

  /** It is waited for no longer. */
  delete(number: number): void {
    this.#order.delete(number);
  }

  deleteBefore(number: number): void {
    for (const each of this.#order.keys()) if (each < number) this.#order.delete(each);
  }

  clear(): void {
    this.#order.clear();
  }

  /** Whether the queue has yet to come to where it was put. */
  isAhead(number: number): boolean {
    return (this.#order.get(number) ?? 0) > this.#cameUpTo;
  }

  /** The least of them from `number` on; infinite where there is none. */
  firstFrom(number: number): number {
    let first = Number.POSITIVE_INFINITY;
    for (const each of this.#order.keys()) if (each >= number && each < first) first = each;
    return first;
  }

  /** The greatest of them. */
  get last(): number {
    let last = Number.NEGATIVE_INFINITY;
    for (const number of this.#order.keys()) if (number > last) last = number;
    return last;
  }
}
