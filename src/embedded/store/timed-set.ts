/** Jobs sorted by time: Scheduled, Retries and Dead. A binary heap, since jobs come in any order. */
import { nextTick, type TimedWork } from '../scheduler.ts';
import type { StoredJob } from './stored-job.ts';

/** More than these in one pass would block the event loop; the rest follows in the next turn. */
const MOST_PER_PASS = 10_000;

interface Entry {
  at: number;
  /** Breaks ties: first in, first out. */
  order: number;
  job: StoredJob;
}

export class TimedSet implements TimedWork {
  readonly #every: number;
  readonly #onDue: (job: StoredJob) => void;
  readonly #wake: (at: number) => void;
  #heap: Entry[] = [];
  #order = 0;
  /** Passes made, and jobs that they moved: INFO tells. */
  cycles = 0;
  moved = 0;

  /** Due jobs are handed to `onDue` by a pass every `every` ms. */
  constructor(every: number, wake: (at: number) => void, onDue: (job: StoredJob) => void) {
    this.#every = every;
    this.#wake = wake;
    this.#onDue = onDue;
  }

  get size(): number {
    return this.#heap.length;
  }

  add(at: number, job: StoredJob): void {
    this.#order += 1;
    const heap = this.#heap;
    heap.push({ at, order: this.#order, job });
    siftUp(heap, heap.length - 1);
    this.#wake(this.due());
  }

  due(): number {
    const first = this.#heap[0];
    return first === undefined ? Number.POSITIVE_INFINITY : nextTick(first.at, this.#every);
  }

  run(now: number): void {
    this.cycles += 1;
    for (let count = 0; count < MOST_PER_PASS; count += 1) {
      const first = this.#heap[0];
      if (first === undefined || first.at > now) return;
      this.#removeFirst();
      this.moved += 1;
      this.#onDue(first.job);
    }
  }

  /** Takes out the jobs that match, in the order of their time. */
  extract(matches: (job: StoredJob) => boolean): StoredJob[] {
    const taken: Entry[] = [];
    const left: Entry[] = [];
    for (const entry of this.#heap) (matches(entry.job) ? taken : left).push(entry);
    this.#heap = left.sort(compare);
    return taken.sort(compare).map((entry) => entry.job);
  }

  clear(): void {
    this.#heap = [];
  }

  /** In the order of their time. */
  *[Symbol.iterator](): IterableIterator<StoredJob> {
    for (const entry of [...this.#heap].sort(compare)) yield entry.job;
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    siftDown(this.#heap);
  }
}

function compare(a: Entry, b: Entry): number {
  return a.at - b.at || a.order - b.order;
}

function siftUp(heap: Entry[], from: number): void {
  const entry = heap[from]!;
  let at = from;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (compare(heap[parent]!, entry) <= 0) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = entry;
}

function siftDown(heap: Entry[]): void {
  const entry = heap[0]!;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && compare(heap[child + 1]!, heap[child]!) < 0) child += 1;
    if (compare(entry, heap[child]!) <= 0) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = entry;
}
