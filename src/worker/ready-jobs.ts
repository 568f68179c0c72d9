import { Deque } from '../deque.ts';
import type { HeldJob } from './held-job.ts';

/** The jobs that wait for a slot: those of a queue that stands before others first, each queue's in their order. */
export class ReadyJobs {
  readonly #rankOf: (queue: string) => number;
  /** By rank. */
  readonly #rows: Deque<HeldJob>[] = [new Deque()];
  #size = 0;

  /** `rankOf`: 0 for queues that come first, and so on; whole and small. */
  constructor(rankOf: (queue: string) => number = () => 0) {
    this.#rankOf = rankOf;
  }

  get size(): number {
    return this.#size;
  }

  push(held: HeldJob): void {
    const rank = this.#rankOf(held.job.queue);
    while (this.#rows.length <= rank) this.#rows.push(new Deque());
    this.#rows[rank]!.push(held);
    this.#size += 1;
  }

  /** The one that is next. */
  shift(): HeldJob | undefined {
    for (const row of this.#rows) {
      const held = row.shift();
      if (held === undefined) continue;
      this.#size -= 1;
      return held;
    }
    return undefined;
  }

  /** Takes out those that are chosen. */
  take(isChosen: (held: HeldJob) => boolean): HeldJob[] {
    const taken: HeldJob[] = [];
    for (const row of this.#rows) {
      for (let count = row.size; count > 0; count -= 1) {
        const held = row.shift()!;
        if (isChosen(held)) taken.push(held);
        else row.push(held);
      }
    }
    this.#size -= taken.length;
    return taken;
  }
}
