/** The queues by name. One is made by the first push to it and stays, empty or not, until it is removed. */
import { Deque } from '../../deque.ts';
import type { StoredJob } from './stored-job.ts';

export interface Queue {
  readonly name: string;
  readonly jobs: Deque<StoredJob>;
  paused: boolean;
}

export class Queues {
  readonly #byName = new Map<string, Queue>();

  get(name: string): Queue | undefined {
    return this.#byName.get(name);
  }

  /** The same name, but one string for all the jobs of a queue that is known. */
  nameOf(name: string): string {
    return this.#byName.get(name)?.name ?? name;
  }

  /** The queue of that name, made if there is none. */
  open(name: string): Queue {
    let queue = this.#byName.get(name);
    if (queue === undefined) {
      queue = { name, jobs: new Deque(), paused: false };
      this.#byName.set(name, queue);
    }
    return queue;
  }

  /** The oldest job of the first queue that has one and is not paused. */
  take(names: readonly string[]): StoredJob | undefined {
    for (const name of names) {
      const queue = this.#byName.get(name);
      if (queue !== undefined && queue.jobs.size > 0 && !queue.paused) return queue.jobs.shift();
    }
    return undefined;
  }

  isPaused(name: string): boolean {
    return this.#byName.get(name)?.paused === true;
  }

  remove(name: string): void {
    this.#byName.delete(name);
  }

  /** Empties all; names and pauses stay. */
  flush(): void {
    for (const queue of this.#byName.values()) queue.jobs.clear();
  }

  [Symbol.iterator](): IterableIterator<Queue> {
    return this.#byName.values();
  }

  get names(): string[] {
    return [...this.#byName.keys()].sort();
  }

  /** Name → number of jobs, sorted by name. */
  sizes(): Record<string, number> {
    return Object.fromEntries(this.names.map((name) => [name, this.#byName.get(name)!.jobs.size]));
  }
}
