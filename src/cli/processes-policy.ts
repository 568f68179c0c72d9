/** Several processes: when a process that ended is replaced, and when it is not; whether all are ready. Pure. */
import { availableParallelism } from 'node:os';
import type { Kind } from './processes-fork.ts';

/** WORKER_PROCESSES or API_PROCESSES as a number. */
export function processCount(setting: number | 'auto'): number {
  return setting === 'auto' ? availableParallelism() : setting;
}

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
 * The life of all processes together; it only moves forward. *first*: one alone has been started, to see whether it
 * can start; *running*: it could, and there are all of them; *quiet*; *stopping*.
 */
export type Stage = 'first' | 'running' | 'quiet' | 'stopping';

/**
 * What follows when a process has ended, with whichever code: `replace` it, `leave` its place empty, or `end` all.
 *
 * - first: no process has ever started, and another would fail by the same mistake: end.
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

/**
 * Whether it ended as it was told to. One that still loads has nothing to hand back, and does not hear signals yet: a
 * Ctrl-C, which a terminal sends to all, or the SIGTERM of a supervisor that does, is the end that was asked for.
 */
export function endedWell(
  stage: Stage,
  started: boolean,
  code: number | null,
  signal: NodeJS.Signals | null,
): boolean {
  if (code === 0) return true;
  return stage === 'stopping' && !started && (signal === 'SIGINT' || signal === 'SIGTERM');
}

/** A child tells that it lives every second; one that was not heard for so long hangs, or its machine does. */
const SILENT_MS = 4_000;

/** Where a process should run, and what was last heard of it. */
export interface Seen {
  readonly number: number;
  readonly process?: { readonly notReady: string | undefined; readonly heardAt: number };
}

/** Why not all of them do their work, if not: of the first that does not. */
export function whyNotReady(
  kind: Kind,
  stage: Stage,
  places: readonly Seen[],
  now: number,
): string | undefined {
  if (stage === 'first') return `the ${kind} processes are starting`;
  if (stage !== 'running') return `the ${kind} processes are ${stage}`;
  for (const { number, process } of places) {
    const name = `${kind} process ${number}`;
    if (process === undefined) return `${name} has ended and is not replaced yet`;
    if (process.notReady !== undefined) return `${name}: ${process.notReady}`;
    const silentMs = now - process.heardAt;
    if (silentMs >= SILENT_MS) return `${name} has not answered for ${Math.floor(silentMs / 1_000)} s`;
  }
  return undefined;
}
