/** Things that wait for the same length of time, so that first in is first due: no sorting, and one timer for all. */
import type { TimedWork } from './scheduler.ts';

export class Deadlines<T> implements TimedWork {
  readonly #afterMs: number;
  readonly #wake: (at: number) => void;
  readonly #onDue: (item: T) => void;
  /** Item → its deadline, in the order of both. */
  readonly #items = new Map<T, number>();

  constructor(afterMs: number, wake: (at: number) => void, onDue: (item: T) => void) {
    this.#afterMs = afterMs;
    this.#wake = wake;
    this.#onDue = onDue;
  }

  add(item: T, now: number): void {
    this.#items.set(item, now + this.#afterMs);
    this.#wake(now + this.#afterMs);
  }

  /** False when it was not waiting. */
  delete(item: T): boolean {
    return this.#items.delete(item);
  }

  /** Puts all deadlines off by `ms`. */
  carry(ms: number): void {
    for (const [item, deadline] of this.#items) this.#items.set(item, deadline + ms);
  }

  due(): number {
    for (const deadline of this.#items.values()) return deadline;
    return Number.POSITIVE_INFINITY;
  }

  run(now: number): void {
    for (const [item, deadline] of this.#items) {
      if (deadline > now) return;
      this.#items.delete(item);
      this.#onDue(item);
    }
  }
}
