/**
 * The bound on what is on its way: at the limit it closes, and opens again only when it has drained to half, so
 * that a saturated link recovers instead of thrashing. Pure numbers.
 */
export class Pressure {
  readonly #maxJobs: number;
  readonly #maxBytes: number;
  #jobs = 0;
  #bytes = 0;
  #closed = false;

  constructor(maxJobs: number, maxBytes: number) {
    this.#maxJobs = maxJobs;
    this.#maxBytes = maxBytes;
  }

  get jobs(): number {
    return this.#jobs;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether more may be admitted. */
  get open(): boolean {
    return !this.#closed;
  }

  add(bytes: number): void {
    this.#jobs += 1;
    this.#bytes += bytes;
    if (this.#jobs >= this.#maxJobs || this.#bytes >= this.#maxBytes) this.#closed = true;
  }

  /** Returns true when this was the one that opened it again. */
  remove(bytes: number): boolean {
    this.#jobs -= 1;
    this.#bytes -= bytes;
    if (!this.#closed || this.#jobs > this.#maxJobs / 2 || this.#bytes > this.#maxBytes / 2) return false;
    this.#closed = false;
    return true;
  }
}
