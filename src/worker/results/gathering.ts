/** When gathered results leave; pure, its time is given. */
import { type Lease, leaseEnd } from '../lease.ts';

export interface GatherRules {
  /** Results in one reducer's job at most (RESULT_MAX_SIZE). */
  readonly maxSize: number;
  /** How long a result waits for others, counted from the first, in ms (RESULT_MAX_DELAY_MS). */
  readonly maxDelayMs: number;
}

/** A reducer's job is no larger, but for a single result that is: it shares its PUSHB with others. */
const MAX_BYTES = 512 * 1024;

/**
 * A result waits no longer than a quarter of its job's reservation, and not beyond the half of it: the push, its ACK,
 * and what may go wrong with both must have their time. `now` and the answer are ms, monotonic.
 */
export function waitsUntil(lease: Lease, now: number, maxDelayMs: number): number {
  const half = lease.startSteady + lease.reserveMs / 2;
  return Math.max(now, Math.min(now + Math.min(maxDelayMs, lease.reserveMs / 4), half, leaseEnd(lease)));
}

/** Results that wait for one another: the items, and when they have to leave. */
export class Gathering<T> {
  readonly #rules: GatherRules;
  #items: T[] = [];
  #bytes = 0;
  #dueAt = Number.POSITIVE_INFINITY;

  constructor(rules: GatherRules) {
    this.#rules = rules;
  }

  get size(): number {
    return this.#items.length;
  }

  /** When they leave at the latest: Infinity where there are none. */
  get dueAt(): number {
    return this.#dueAt;
  }

  /** Whether there is no room for one more. */
  get full(): boolean {
    return this.#items.length >= this.#rules.maxSize || this.#bytes >= MAX_BYTES;
  }

  /** Whether one of that size should go with the next. */
  overflows(bytes: number): boolean {
    return this.#items.length > 0 && this.#bytes + bytes > MAX_BYTES;
  }

  add(item: T, bytes: number, lease: Lease, now: number): void {
    this.#items.push(item);
    this.#bytes += bytes;
    this.#dueAt = Math.min(this.#dueAt, waitsUntil(lease, now, this.#rules.maxDelayMs));
  }

  /** Takes all out. */
  take(): T[] {
    const items = this.#items;
    this.#items = [];
    this.#bytes = 0;
    this.#dueAt = Number.POSITIVE_INFINITY;
    return items;
  }
}
