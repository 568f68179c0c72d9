/**
 * When the next PUSHB may leave. Only so many may be unanswered, and over a long way they would all be sent in the
 * first moments of a round trip: what comes in the rest of it would wait for the replies. So they are spread over it.
 */

/** Shorter waits are not worth a timer: a tick gathers as well. */
const LEAST_MS = 1;
const WINDOW_MS = 5_000;

/** How long to wait after a PUSHB before the next, unless that is full; 0: not at all. */
export function paceMs(roundTripMs: number, mostUnanswered: number, maxDelayMs: number): number {
  const ms = Math.min(roundTripMs / mostUnanswered, maxDelayMs);
  return ms < LEAST_MS ? 0 : ms;
}

/** The least of what it was told within the last five to ten seconds; 0 before anything. */
export class RecentLeast {
  #now = Number.POSITIVE_INFINITY;
  #before = Number.POSITIVE_INFINITY;
  #since = 0;

  note(ms: number, now: number): void {
    if (now - this.#since >= WINDOW_MS) {
      this.#before = now - this.#since < 2 * WINDOW_MS ? this.#now : Number.POSITIVE_INFINITY;
      this.#now = Number.POSITIVE_INFINITY;
      this.#since = now;
    }
    this.#now = Math.min(this.#now, ms);
  }

  get value(): number {
    const least = Math.min(this.#now, this.#before);
    return Number.isFinite(least) ? least : 0;
  }
}
