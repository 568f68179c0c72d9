import { Deque } from '../deque.ts';
import type { Entry } from './entry.ts';
import { Pressure } from './pressure.ts';

/** Lets jobs in as there is room, in the order of asking (pressure.ts). */
export class Admission {
  readonly #pressure: Pressure;
  readonly #asking = new Deque<Entry>();
  readonly #onAdmitted: (entry: Entry) => void;

  constructor(maxJobs: number, maxBytes: number, onAdmitted: (entry: Entry) => void) {
    this.#pressure = new Pressure(maxJobs, maxBytes);
    this.#onAdmitted = onAdmitted;
  }

  /** Whether a job would be let in at once. */
  get open(): boolean {
    return this.#pressure.open;
  }

  /** Jobs that were let in and have not left. */
  get jobs(): number {
    return this.#pressure.jobs;
  }

  get bytes(): number {
    return this.#pressure.bytes;
  }

  get asking(): number {
    return this.#asking.size;
  }

  ask(entry: Entry): void {
    if (this.#pressure.open) this.letIn(entry);
    else this.#asking.push(entry);
  }

  /** Room or not. */
  letIn(entry: Entry): void {
    this.#pressure.add(entry.job.bytes);
    entry.since = performance.now();
    this.#onAdmitted(entry);
    entry.caller.onAdmitted?.();
  }

  letAllIn(): void {
    for (let entry = this.#asking.shift(); entry; entry = this.#asking.shift()) this.letIn(entry);
  }

  /** One that was let in is settled. */
  leave(entry: Entry): void {
    this.#pressure.remove(entry.job.bytes);
    for (let next = this.#asking.peek(); next && this.#pressure.open; next = this.#asking.peek()) {
      this.#asking.shift();
      this.letIn(next);
    }
  }
}
