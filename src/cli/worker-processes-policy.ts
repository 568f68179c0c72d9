/** WORKER_PROCESSES: when a process that ended is replaced, and when it is not. Pure: numbers in, a word out. */

/** How long the place of a process that ended stays empty: this, doubled each time, up to the longest. */
const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 30_000;
/** A process that lived so long was all right: what ended it is counted as the first such thing. */
const GOOD_LIFE_MS = 60_000;

/** How long to wait before a process that lived `livedMs` is replaced; `previousMs` was waited before it. */
export function replacementDelayMs(previousMs: number | undefined, livedMs: number): number {
  if (previousMs === undefined || livedMs >= GOOD_LIFE_MS) return FIRST_DELAY_MS;
  return Math.min(previousMs * 2, LONGEST_DELAY_MS);
}

/**
 * The life of all processes together; it only moves forward. *first*: one alone has been started, to see whether its
 * handlers load; *running*: they do, and there are all of them; *quiet*; *stopping*.
 */
export type Stage = 'first' | 'running' | 'quiet' | 'stopping';

/**
 * What follows when a process has ended, with whichever code: `replace` it, `leave` its place empty, or `end` all.
 *
 * - first: no process has ever loaded its handlers, and another would fail by the same mistake: end.
 * - running: replace, one that ended with 0 too. Nobody but Faktory's page or a signal of its own ends a process like
 *   that, and both mean this process, as when one is renewed; who means all of them signals the parent. A supervisor
 *   of containers that restarts always does the same with a worker alone.
 * - quiet: a new one would fetch, which is just what was forbidden: leave; when none is left there is nothing to wait
 *   for any more: end.
 * - stopping: leave.
 */
export function whenEnded(stage: Stage, left: number): 'replace' | 'leave' | 'end' {
  switch (stage) {
    case 'first':
      return 'end';
    case 'running':
      return 'replace';
    case 'quiet':
      return left === 0 ? 'end' : 'leave';
    case 'stopping':
      return 'leave';
    default:
      return stage satisfies never;
  }
}
