/** Which sources were seen within a window; pure, its time is given. */

export interface MemoryRules {
  /** How many at most. */
  readonly maxSize: number;
  /** For how long, in ms. */
  readonly windowMs: number;
}

/** What was seen one after another, and is forgotten together. */
interface Generation {
  readonly sources: Set<string>;
  /** When the first and the last of them were seen. */
  readonly from: number;
  to: number;
}

/**
 * So many parts of the size and of the window: up to an eighth of the size is forgotten at once, and up to an eighth of
 * the window too late. One Map of a million would stop the process for a quarter of a second whenever it is laid out anew.
 */
const PARTS = 8;

export class SourceMemory {
  readonly #rules: MemoryRules;
  /** The oldest first. */
  readonly #generations: Generation[] = [];
  #size = 0;

  constructor(rules: MemoryRules) {
    this.#rules = rules;
  }

  get size(): number {
    return this.#size;
  }

  has(source: string): boolean {
    return this.#generations.some(({ sources }) => sources.has(source));
  }

  /** One that is known already counts twice. */
  add(source: string, now: number): void {
    const generation = this.#open(now);
    generation.sources.add(source);
    generation.to = now;
    this.#size += 1;
  }

  /** Forgets the oldest beyond the size, and all beyond the window. Of the former: how many, and their least age. */
  forget(now: number): { early: number; ageMs: number } {
    const { maxSize, windowMs } = this.#rules;
    let early = 0;
    let ageMs = Number.POSITIVE_INFINITY;
    for (let oldest = this.#generations[0]; oldest !== undefined; oldest = this.#generations[0]) {
      const isOver = now - oldest.to >= windowMs;
      if (!isOver && this.#size <= maxSize) break;
      this.#generations.shift();
      this.#size -= oldest.sources.size;
      if (isOver) continue;
      early += oldest.sources.size;
      ageMs = Math.min(ageMs, now - oldest.to);
    }
    return { early, ageMs };
  }

  #open(now: number): Generation {
    const { maxSize, windowMs } = this.#rules;
    const newest = this.#generations.at(-1);
    if (newest && newest.sources.size < maxSize / PARTS && now - newest.from < windowMs / PARTS)
      return newest;
    const generation = { sources: new Set<string>(), from: now, to: now };
    this.#generations.push(generation);
    return generation;
  }
}
