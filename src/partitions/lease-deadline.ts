/** Until when a lease may be relied on, by the clocks of its own process; pure. */

/** Both clocks, in ms: `steady` never jumps, `wall` goes on through a suspended machine. The one that went further counts. */
export interface Moment {
  readonly steady: number;
  readonly wall: number;
}

export const nowOnBothClocks = (): Moment => ({ steady: performance.now(), wall: Date.now() });

/** So much of a lease is not relied on: clocks run at different speeds, and a handler needs time to stop. */
export function safetyMarginMs(ttlMs: number): number {
  return Math.max(ttlMs / 10, Math.min(1_000, ttlMs / 4));
}

/** How long a lease lives that was asked for at `askedAt`: counted from before the command was sent, less the margin. */
export function leaseLeftMs(askedAt: Moment, ttlMs: number, now: Moment): number {
  const age = Math.max(now.steady - askedAt.steady, now.wall - askedAt.wall);
  return ttlMs - safetyMarginMs(ttlMs) - age;
}

/** Renewed at a third of its time; where that failed, again soon. */
export function renewAfterMs(ttlMs: number, hasFailed: boolean): number {
  return hasFailed ? Math.min(500, ttlMs / 10) : ttlMs / 3;
}
