/**
 * Credits: how many jobs of a queue may be held or on their way. Most queues have none, and cost nothing. A FETCH
 * charges every queue with a credit that it names; what it brings keeps the charge of its own queue until it has left
 * its slot, and the others are free again. Whatever may hold back a queue (a breaker, a limit, a partition's window)
 * is a credit, not a fetch loop of its own.
 */

/** What one FETCH, or the job that it brought, is charged for. */
export class Charge {
  readonly #credits: Credits;
  #queues: readonly string[];
  #onAnswered: (() => void) | undefined;
  #isOut = true;

  /** `onAnswered`: the FETCH is not outstanding any more. */
  constructor(credits: Credits, queues: readonly string[], onAnswered?: () => void) {
    this.#credits = credits;
    this.#queues = queues;
    this.#onAnswered = onAnswered;
  }

  #answered(): void {
    if (!this.#isOut) return;
    this.#isOut = false;
    this.#credits.answered(this.#queues);
    this.#onAnswered?.();
  }

  /** The job came from this queue: the others are free again. */
  keep(queue: string): void {
    this.#answered();
    const kept = this.#queues.filter((each) => each === queue);
    const others = this.#queues.filter((each) => each !== queue);
    this.#queues = kept;
    this.#credits.giveBack(others);
  }

  release(): void {
    this.#answered();
    const queues = this.#queues;
    this.#queues = [];
    this.#credits.giveBack(queues);
  }
}

/** A number, or what is asked each time. */
export type Credit = number | (() => number);

export class Credits {
  /** By queue, and by who bounds it: the least counts. */
  readonly #limits = new Map<string, Map<string, Credit>>();
  readonly #used = new Map<string, number>();
  /** Of these, the FETCHes. */
  readonly #asked = new Map<string, number>();

  /** At most so many from now on, as `by` has it; undefined: no bound of its. What is charged already stays charged. */
  limit(queue: string, most: Credit | undefined, by = ''): void {
    const bounds = this.#limits.get(queue) ?? new Map<string, Credit>();
    if (most === undefined) bounds.delete(by);
    else bounds.set(by, most);
    if (bounds.size === 0) this.#limits.delete(queue);
    else this.#limits.set(queue, bounds);
  }

  /** Whether the queue has a credit. */
  has(queue: string): boolean {
    return this.#limits.has(queue);
  }

  /** Whether any queue has a credit. */
  get any(): boolean {
    return this.#limits.size > 0;
  }

  /** Whether one more FETCH may name the queue. */
  hasRoom(queue: string): boolean {
    const bounds = this.#limits.get(queue);
    if (bounds === undefined) return true;
    const used = this.usedBy(queue);
    for (const most of bounds.values()) if (used >= (typeof most === 'number' ? most : most())) return false;
    return true;
  }

  /** Those of the queues that one more FETCH may name, in their order. */
  allowed(queues: readonly string[]): readonly string[] {
    if (this.#limits.size === 0) return queues;
    return queues.filter((queue) => this.hasRoom(queue));
  }

  /** Charges a FETCH that names the queues; undefined where none of them has a credit. */
  charge(queues: readonly string[], onAnswered?: () => void): Charge | undefined {
    if (this.#limits.size === 0) return undefined;
    // Once each: a FETCH may name a queue twice, and brings one job.
    const charged = queues.filter((queue, at) => this.#limits.has(queue) && queues.indexOf(queue) === at);
    if (charged.length === 0) return undefined;
    for (const queue of charged) {
      add(this.#used, queue, 1);
      add(this.#asked, queue, 1);
    }
    return new Charge(this, charged, onAnswered);
  }

  giveBack(queues: readonly string[]): void {
    for (const queue of queues) add(this.#used, queue, -1);
  }

  /** A FETCH that named these is not outstanding any more. */
  answered(queues: readonly string[]): void {
    for (const queue of queues) add(this.#asked, queue, -1);
  }

  /** FETCHes and jobs that are charged for the queue just now. */
  usedBy(queue: string): number {
    return this.#used.get(queue) ?? 0;
  }

  /** Whether one of the queues has a credit, and no FETCH that is out names it. */
  namesNew(queues: readonly string[]): boolean {
    return queues.some((queue) => this.has(queue) && !this.#asked.has(queue));
  }
}

function add(counts: Map<string, number>, queue: string, more: number): void {
  const count = (counts.get(queue) ?? 0) + more;
  if (count > 0) counts.set(queue, count);
  else counts.delete(queue);
}
