/** What became of the items of a bulk, in their order. */

import type { PushCaller } from '../../client/client.ts';
import { Deque } from '../../deque.ts';
import type { MillraceError } from '../../errors.ts';
import { mayBeStored, outcomeOf } from '../jobs.ts';
import type { ApiMetrics, Outcome } from '../metrics.ts';
import { type Problem, problemOf } from '../problem.ts';

/** The place of an item among the outcomes: told by the pusher what became of its job. */
export class Place implements PushCaller {
  readonly number: number;
  readonly bytes: number;
  readonly jid: string;
  readonly queue: string;
  problem: Problem | undefined;
  isKnown = false;
  readonly #onKnown: (place: Place) => void;

  constructor(number: number, bytes: number, jid: string, queue: string, onKnown: (place: Place) => void) {
    this.number = number;
    this.bytes = bytes;
    this.jid = jid;
    this.queue = queue;
    this.#onKnown = onKnown;
  }

  onStored(): void {
    this.isKnown = true;
    this.#onKnown(this);
  }

  onFailed(error: MillraceError): void {
    this.fail(problemOf(error, mayBeStored(error) ? this.jid : undefined));
  }

  fail(problem: Problem): void {
    this.problem = problem;
    this.isKnown = true;
    this.#onKnown(this);
  }
}

/** Places that are taken and not told. */
export class Outcomes {
  readonly #metrics: ApiMetrics;
  readonly #places = new Deque<Place>(1_024);
  readonly #counts = new Map<Outcome, number>();
  bytes = 0;
  stored = 0;
  failed = 0;

  constructor(metrics: ApiMetrics) {
    this.#metrics = metrics;
  }

  /** Taken and not told. */
  get size(): number {
    return this.#places.size;
  }

  get told(): number {
    return this.stored + this.failed;
  }

  push(place: Place): void {
    this.#places.push(place);
    this.bytes += place.bytes;
  }

  /** The next that may be told: known, and none before it is not. */
  shift(): Place | undefined {
    const place = this.#places.peek();
    if (place === undefined || !place.isKnown) return undefined;
    this.#places.shift();
    this.bytes -= place.bytes;
    this.#count(place.problem);
    return place;
  }

  /** Hands the counts on: once a turn, since a counter of Prometheus costs as much as the rest. */
  report(): void {
    for (const [outcome, count] of this.#counts) this.#metrics.countJob(outcome, count);
    this.#counts.clear();
  }

  #count(problem: Problem | undefined): void {
    if (problem === undefined) this.stored += 1;
    else this.failed += 1;
    const outcome = problem === undefined ? 'stored' : outcomeOf(problem);
    this.#counts.set(outcome, (this.#counts.get(outcome) ?? 0) + 1);
  }
}
