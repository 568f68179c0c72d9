import { backoffMs } from '../connection/backoff.ts';
import type { Entry } from './entry.ts';

/** Jobs of which Faktory's answer said nothing: each is asked again after a while, ever longer ones. */
export class Resting {
  readonly #timers = new Map<Entry, NodeJS.Timeout>();
  readonly #onRested: (entry: Entry) => void;

  constructor(onRested: (entry: Entry) => void) {
    this.#onRested = onRested;
  }

  add(entry: Entry): void {
    const timer = setTimeout(() => {
      this.#timers.delete(entry);
      this.#onRested(entry);
    }, backoffMs(entry.attempts));
    this.#timers.set(entry, timer);
    entry.attempts += 1;
  }

  /** Takes out all, at once. */
  drain(): Entry[] {
    const entries = [...this.#timers.keys()];
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    return entries;
  }
}
