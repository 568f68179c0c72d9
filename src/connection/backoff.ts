/** How long to wait before a reconnect; pure. */

/** Ordinary faults: at most about two attempts a second, and back within a second once Faktory is. */
export const RECONNECT = { baseMs: 500, capMs: 900 } as const;
/** Faults that do not heal by themselves (wrong password, connection limit): a slow knock. */
export const REFUSED = { baseMs: 6_000, capMs: 30_000 } as const;

/**
 * Doubles from `baseMs` to `capMs` with each failed attempt (0 for the first wait), and takes a random point of
 * the upper half, so that a fleet that lost Faktory in one instant does not return in one.
 */
export function backoffMs(
  attempt: number,
  { baseMs, capMs }: { baseMs: number; capMs: number } = RECONNECT,
  random: number = Math.random(),
): number {
  const ceiling = Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30));
  return Math.round(ceiling * (0.5 + random / 2));
}

/** A lane that has stood for so long was worth connecting, even if it was never asked anything. */
const PROVEN_AFTER_MS = 5_000;

/**
 * Whether a lane that was lost now had been of use, so that the next pause is the short one again. That it was
 * welcomed is not enough: over its limit Faktory welcomes first, and a Faktory that is going down does, too.
 */
export function wasProven(answers: number, readyAt: number | undefined, now: number): boolean {
  return answers > 0 || (readyAt !== undefined && now - readyAt >= PROVEN_AFTER_MS);
}
