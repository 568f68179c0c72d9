import type { PushCaller, PushedJob, PushOptions } from './options.ts';

/** A job on its way through a Pusher, from the asking until it is settled. */
export interface Entry {
  /** Replaced once, where it had to be completed. */
  job: PushedJob;
  readonly atMostOnce: boolean;
  readonly notAfter: number;
  /** Rises in the order of asking. */
  readonly number: number;
  readonly caller: PushCaller;
  /** Since when it waits for a lane: its admission. */
  since: number;
  /** Whether it was once sent without an answer: then it may be stored. */
  maybeStored: boolean;
  /** Travels by itself: Faktory refused a PUSHB that it was in, or connections are lost with it. */
  alone: boolean;
  /** Answers that said nothing of it. */
  attempts: number;
  /** How often it was in the oldest PUSHB of a connection that was lost: Faktory runs one at a time. */
  losses: number;
  /** Of its first loss: when, and how many PUSHBs had been answered by then. */
  firstLoss: { readonly at: number; readonly answered: number } | undefined;
}

const NO_OPTIONS: PushOptions = {};

/** One shape, written out: it is made for each job. */
export function newEntry(
  job: PushedJob,
  { atMostOnce = false, notAfter = Number.POSITIVE_INFINITY }: PushOptions = NO_OPTIONS,
  number: number,
  caller: PushCaller,
): Entry {
  return {
    job,
    atMostOnce,
    notAfter,
    number,
    caller,
    since: 0,
    maybeStored: false,
    alone: false,
    attempts: 0,
    losses: 0,
    firstLoss: undefined,
  };
}
