/**
 * Finds out that nothing moves while something should, by looking once a second. Looks are counted, not time, so that a
 * process that was suspended does not take its own absence for its peer's.
 */
export class Stall {
  readonly #limit: number;
  #seen: number | undefined;
  #looks = 0;

  /** Looks without progress until it counts as one. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** True once, then it counts anew. `progress`: any number that changes as things move; undefined while nothing should. */
  look(progress: number | undefined): boolean {
    this.#looks = progress === undefined || progress !== this.#seen ? 0 : this.#looks + 1;
    this.#seen = progress;
    if (this.#looks < this.#limit) return false;
    this.#looks = 0;
    return true;
  }
}
