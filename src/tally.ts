/** Numbers gathered on the hot path, and read when metrics are scraped: plain arithmetic, nothing is allocated. */

/** A histogram: how many observations fell into each bucket, and their sum. */
export class Histogram {
  /** The upper bound of each bucket, that value included; one more, for all beyond, follows them. */
  readonly bounds: readonly number[];
  /** Per bucket, not cumulative; one longer than `bounds`. */
  readonly counts: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  /** Throws RangeError unless the bounds rise. */
  constructor(bounds: readonly number[]) {
    if (bounds.some((bound, at) => Number.isNaN(bound) || bound <= bounds[at - 1]!))
      throw new RangeError(`the bounds of a histogram must rise: ${bounds.join(', ')}`);
    this.bounds = bounds;
    this.#counts = new Array<number>(bounds.length + 1).fill(0);
    this.counts = this.#counts;
  }

  /** The sum of all values observed. */
  get sum(): number {
    return this.#sum;
  }

  /** How many were observed. */
  get count(): number {
    return this.#count;
  }

  observe(value: number): void {
    const { bounds } = this;
    let at = 0;
    while (at < bounds.length && value > bounds[at]!) at += 1;
    this.#counts[at]! += 1;
    this.#sum += value;
    this.#count += 1;
  }
}
