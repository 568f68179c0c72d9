/** The round trip to Faktory, from the times that beats took; pure. */

/** How long a round trip counts: the least of them is the way, the rest is waiting, and ways change. */
const WINDOW_MS = 5_000;
const FAR_LONGER = 1.5;
const SLACK_MS = 5;

export interface RoundTrip {
  readonly at: number;
  readonly ms: number;
}

/**
 * What a beat that was answered after `ms` tells of the way, when the process itself was busy for `busyMs` of that: the
 * reply may have lain there meanwhile. So it is between the two, and what was known before is believed within that. (A
 * worker whose handlers take all of the CPU would otherwise measure them, fetch more for so long a way, and be busier.)
 */
export function likelyMs(before: readonly RoundTrip[], ms: number, busyMs: number): number {
  if (before.length === 0) return ms;
  const known = Math.min(...before.map((trip) => trip.ms));
  return Math.min(ms, Math.max(known, ms - busyMs));
}

/**
 * The round trips that still count. Two in a row that are far longer than the least are no waiting but another way: a
 * route has changed, and what was before says nothing any more.
 */
export function withRoundTrip(before: readonly RoundTrip[], latest: RoundTrip): readonly RoundTrip[] {
  const trips = [...before.filter(({ at }) => latest.at - at < WINDOW_MS), latest];
  const least = Math.min(...trips.map(({ ms }) => ms));
  const lastTwo = trips.slice(-2);
  return lastTwo.length === 2 && lastTwo.every(({ ms }) => ms > FAR_LONGER * least + SLACK_MS)
    ? lastTwo
    : trips;
}
