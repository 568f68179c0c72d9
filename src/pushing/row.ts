import { Deque } from '../deque.ts';
import type { EncodedJob } from '../protocol/job.ts';

export interface Waiting {
  readonly job: EncodedJob;
  /** When it began to wait (ms, monotonic). */
  readonly since: number;
  /** Travels by itself. */
  readonly alone: boolean;
}

/** The longest PUSHB; a larger job travels by itself. */
const MAX_PUSHB_BYTES = 1024 * 1024;

/** What waits for a lane, in the order of the pushes, and how it is cut into PUSHBs; pure. */
export class Row<T extends Waiting> {
  readonly #waiting = new Deque<T>();
  #returned: T[] = [];

  get size(): number {
    return this.#waiting.size;
  }

  get first(): T | undefined {
    return this.#waiting.peek();
  }

  /** Since when the first has waited; undefined when none does. */
  get since(): number | undefined {
    return this.#waiting.peek()?.since;
  }

  push(item: T): void {
    this.#waiting.push(item);
  }

  shift(): T | undefined {
    return this.#waiting.shift();
  }

  /** Takes back what was sent in vain; once all of it is back `mend` puts it in front, in the order it came. */
  giveBack(items: readonly T[]): void {
    this.#returned.push(...items);
  }

  mend(): void {
    for (const item of this.#returned.reverse()) this.#waiting.unshift(item);
    this.#returned = [];
  }

  /** The next PUSHB: at most `most` jobs and 1 MiB, no jid twice (the reply tells jobs apart by jid). */
  take(most: number): T[] {
    const batch: T[] = [];
    const jids = new Set<string>();
    let bytes = 0;
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      const first = batch.length === 0;
      if (!first && (batch.length >= most || next.alone || jids.has(next.job.jid))) break;
      if (!first && bytes + next.job.bytes > MAX_PUSHB_BYTES) break;
      this.#waiting.shift();
      batch.push(next);
      jids.add(next.job.jid);
      bytes += next.job.bytes + 1;
      if (next.alone) break;
    }
    return batch;
  }
}
