/**
 * How long a fetched job is ours; pure. Faktory counts from when it handed the job out; we count from when its
 * FETCH was written, and end 5 s early, so our lease is always the shorter.
 */

const SAFETY_MS = 5_000;
/** Faktory's scan of reservations ticks every 15 s: an ACK this late may still spare a second run. */
const ACK_GRACE_MS = 20_000;
const DEFAULT_RESERVE_FOR = 1_800;
const MIN_RESERVE_FOR = 60;
const MAX_RESERVE_FOR = 86_400;

/** Both clocks, in ms: `steady` never jumps, `wall` goes on through a suspended machine. The later one counts. */
export interface Moment {
  steady: number;
  wall: number;
}

export const nowOnBothClocks = (): Moment => ({ steady: performance.now(), wall: Date.now() });

export interface Lease {
  readonly startSteady: number;
  readonly startWall: number;
  readonly reserveMs: number;
}

/** The lease of a job whose FETCH was written at `writtenAt` (steady clock). */
export function leaseOf(reserveFor: number | undefined, writtenAt: number, now: Moment): Lease {
  const asked = typeof reserveFor === 'number' && reserveFor > 0 ? reserveFor : DEFAULT_RESERVE_FOR;
  const seconds = Math.min(MAX_RESERVE_FOR, Math.max(MIN_RESERVE_FOR, asked));
  return {
    startSteady: writtenAt,
    startWall: now.wall - (now.steady - writtenAt),
    reserveMs: seconds * 1000,
  };
}

/** Milliseconds since the lease began, on the clock that has gone further. */
export function leaseAge(lease: Lease, now: Moment): number {
  return Math.max(now.steady - lease.startSteady, now.wall - lease.startWall);
}

/** Whether FAIL, hand-back and a first start are still allowed. */
export function leaseLives(lease: Lease, now: Moment): boolean {
  return leaseAge(lease, now) < lease.reserveMs - SAFETY_MS;
}

/** When the lease ends, on the monotonic clock. */
export function leaseEnd(lease: Lease): number {
  return lease.startSteady + lease.reserveMs - SAFETY_MS;
}

/** Whether an ACK of a finished job is still worth sending. */
export function ackWorthwhile(lease: Lease, now: Moment): boolean {
  return leaseAge(lease, now) < lease.reserveMs + ACK_GRACE_MS;
}

/** Until when that is so, on the monotonic clock. */
export function ackEnd(lease: Lease): number {
  return lease.startSteady + lease.reserveMs + ACK_GRACE_MS;
}

/** The share of the reservation that has passed, 1 when it is over. */
export function leaseShare(lease: Lease, now: Moment): number {
  return leaseAge(lease, now) / lease.reserveMs;
}
