/** What `millrace doctor` says of queues and sets. Pure. */
import type { QueueReport } from '../connection/queue-report.ts';
import { type Check, duration, ok, warn } from './doctor-check.ts';
import { count, counted } from './doctor-sum.ts';

/** Whose oldest job has waited so long is not being kept up with. */
const LATENCY_WARN_SECONDS = 60;
/** The protocol's five seconds for a command are no longer enough to go through so many. */
const SET_WARN = 20_000;
const SHOWN = 5;

/** The queues that matter most come first: those that wait the longest, then the largest. */
export function queueCheck({ queues }: QueueReport): Check {
  const all = Object.entries(queues).sort(
    ([, a], [, b]) => (b.latencySeconds ?? 0) - (a.latencySeconds ?? 0) || b.size - a.size,
  );
  const jobs = all.reduce((sum, [, { size }]) => sum + size, 0);
  const waiting = all.filter(([, { size }]) => size > 0);
  const more = waiting.length > SHOWN ? ` and ${count(waiting.length - SHOWN)} more` : '';
  const shown = waiting.slice(0, SHOWN).map(([queue, { size, latencySeconds }]) => {
    const waits = latencySeconds === undefined ? '' : ` (the oldest waits for ${waited(latencySeconds)})`;
    return `${queue} ${count(size)}${waits}`;
  });
  const list = shown.length === 0 ? '' : `: ${shown.join(', ')}${more}`;
  const text = `${counted(all.length, 'queue', 'queues')}, ${counted(jobs, 'job waits', 'jobs wait')}${list}`;
  const late = waiting.find(([, { latencySeconds = 0 }]) => latencySeconds >= LATENCY_WARN_SECONDS);
  if (late === undefined) return ok('queues', text);
  const todo = `${late[0]} has too few workers or none, or is paused (the protocol does not tell which: see Faktory's page)`;
  return warn('queues', text, todo);
}

/** Sizes only: one INFO cannot tell whether they grow. */
export function setCheck({ sets: { scheduled, working, retries, dead } }: QueueReport): Check {
  const text = `Scheduled ${count(scheduled)}, Working ${count(working)}, Retries ${count(retries)}, Dead ${count(dead)}`;
  const todos = [
    retries >= SET_WARN
      ? `Retries has grown large: Faktory is slow to search it, and poison is no longer killed at once from ${count(SET_WARN)} on; see why jobs fail, then \`millrace retries requeue|discard|kill\``
      : [],
    dead >= SET_WARN
      ? 'Dead has grown large, and is kept in memory for 180 days: `millrace dead requeue|discard`'
      : [],
  ].flat();
  return todos.length === 0 ? ok('sets', text) : warn('sets', text, todos.join('; '));
}

const waited = (seconds: number): string =>
  seconds < 10 ? `${count(Number(Math.max(0, seconds).toFixed(1)))} s` : duration(seconds);
