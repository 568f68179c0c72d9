/**
 * Two things for tests that wait for reservations to end, which takes Faktory two minutes: they run side by side
 * (it.concurrent), each on a Faktory of its own, but load this machine one after another.
 */
let last: Promise<unknown> = Promise.resolve();

/** Runs `busy` when all that were handed over before have ended, well or not. */
export function oneAtATime<T>(busy: () => Promise<T>): Promise<T> {
  const run = last.then(busy, busy);
  last = run.catch(() => {});
  return run;
}

/**
 * A hang guard: Faktory gives a job that was reserved for 60 s out again after two minutes, but looks at only ten
 * reservations in 15 s once it has met some that are nobody's.
 */
export const LEASE_ENDS_MS = 400_000;
