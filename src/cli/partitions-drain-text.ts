/** What `millrace partitions drain` says. Pure. */
import { duration } from './doctor-check.ts';
import { count, counted } from './doctor-sum.ts';
import type { FaktorySizes } from './partitions-backlog.ts';
import type { Left, Standing } from './partitions-left.ts';

/** `orders: 1,204 jobs of 7 partitions (of 16) are not done, most in partition 3 (402); 2 of these have no worker` */
export function leftText(standing: Standing): string {
  const { queue, left } = standing;
  if (left.length === 0) return `${queue}: all jobs are done`;
  const ownerless = left.filter(({ isOwned }) => !isOwned).length;
  const owners = `; ${count(ownerless)} of these ${ownerless === 1 ? 'has' : 'have'} no worker`;
  return `${queue}: ${whatIsLeft(standing)}${ownerless === 0 ? '' : owners}`;
}

function whatIsLeft({ partitions, left }: Standing): string {
  const undone = left.reduce((sum, each) => sum + (each.undone ?? 0), 0);
  const of = `${counted(left.length, 'partition', 'partitions')} (of ${partitions})`;
  if (undone > 0) {
    const most = [...left].sort((a, b) => (b.undone ?? 0) - (a.undone ?? 0))[0]!;
    return `${counted(undone, 'job', 'jobs')} of ${of} ${undone === 1 ? 'is' : 'are'} not done, most in partition ${most.partition} (${count(most.undone ?? 0)})`;
  }
  if (left.some(({ holds }) => holds)) return `jobs without a number wait in ${of}`;
  return `${of} ${left.length === 1 ? 'has' : 'have'} no numbers yet, which takes up to 15 s`;
}

/** Why nothing moves, and what to do, a line each. */
export function stillText(standing: Standing, stillMs: number, sets: FaktorySizes['sets']): string[] {
  const { queue, left } = standing;
  const lines = [
    ownerlessText(standing),
    heldUpText(left.filter(({ isOwned, holds }) => isOwned && holds)),
    missingText(
      queue,
      left.filter(({ undone, holds }) => undone !== undefined && !holds),
      sets,
    ),
    unnumberedText(left.filter(({ undone, holds }) => undone === undefined && !holds)),
  ];
  const said = lines.filter((line) => line !== undefined).map((line) => `  ${line}`);
  return [`queue ${queue}: nothing has moved for ${duration(stillMs / 1_000)}`, ...said];
}

/** Workers of the new number are refused until those of the old one have done their part. */
function ownerlessText({ left, partitions, workers, room, calmMs }: Standing): string | undefined {
  const without = left.filter(({ isOwned }) => !isOwned);
  if (without.length === 0) return undefined;
  const there =
    workers === 0
      ? 'none is there'
      : `${counted(workers, 'worker is', 'workers are')} there and ${workers === 1 ? 'takes' : 'take'} ${count(room)} partitions at most`;
  const calm =
    calmMs === 0
      ? ''
      : `. Nobody may take one for another ${duration(calmMs / 1_000)}: Redis was restarted or emptied, or the layout changed`;
  return `no worker has ${nameOf(without)}: start workers with PARTITIONS=${partitions}, the old number (${there})${calm}`;
}

function heldUpText(left: readonly Left[]): string | undefined {
  if (left.length === 0) return undefined;
  return (
    `jobs wait in ${nameOf(left)}, which a worker has: a handler takes long, a job before them is missing and waited for (onGap), ` +
    'or the queue is paused'
  );
}

function missingText(queue: string, left: readonly Left[], sets: FaktorySizes['sets']): string | undefined {
  if (left.length === 0) return undefined;
  const undone = left.reduce((sum, each) => sum + (each.undone ?? 0), 0);
  const sizes =
    sets === undefined
      ? ''
      : `; of all queues, Working holds ${count(sets.working)}, Scheduled ${count(sets.scheduled)}, Retries ${count(sets.retries)}`;
  return (
    `${counted(undone, 'job', 'jobs')} of ${nameOf(left)} ${undone === 1 ? 'is' : 'are'} not done and not in a queue. A worker has ` +
    'them (a handler that takes long, a job tried again in place, a paused partition: its log and millrace_partitions_paused ' +
    'tell), or one that died had them (they come back within reserve_for + 75 s), or they wait in Scheduled or Retries' +
    `${sizes}, or they were never stored, since their pusher died. Where they will not come: stop all workers of the queue, then ` +
    `\`millrace partitions drain --skip-missing --queue ${queue}\``
  );
}

function unnumberedText(left: readonly Left[]): string | undefined {
  if (left.length === 0) return undefined;
  return `the numbers of ${nameOf(left)} are lost, or not begun yet: their workers begin them as soon as they have no job of them`;
}

const NAMED = 8;

function nameOf(left: readonly Left[]): string {
  const named = left.slice(0, NAMED).map(({ partition }) => partition);
  return `${left.length === 1 ? 'partition' : 'partitions'} ${named.join(', ')}${left.length > NAMED ? ' …' : ''}`;
}

export function skippedText(queue: string, partitions: readonly number[]): string {
  return `queue ${queue}: what is missing of ${partitions.length === 1 ? 'partition' : 'partitions'} ${partitions.join(', ')} is gone on without; it runs if it comes after all`;
}

export function drainedText({ queue, partitions, open }: Standing, sets: FaktorySizes['sets']): string {
  const lines = [
    `queue ${queue} is drained: no job waits in its ${counted(partitions, 'partition', 'partitions')}, and all that were numbered are done`,
  ];
  if (open > 0)
    lines.push(
      `  but for ${counted(open, 'job that was', 'jobs that were')} gone on without: one that comes later, say by a requeue from Dead, runs when it comes`,
    );
  if (sets !== undefined && sets.scheduled + sets.retries > 0)
    lines.push(
      `  of all queues, Scheduled holds ${count(sets.scheduled)} and Retries ${count(sets.retries)}: jobs with a key among them keep their old ` +
        'partition, which has no worker once PARTITIONS is smaller (docs/partitions.md, "Changing PARTITIONS")',
    );
  return lines.join('\n');
}

export const NOW_CHANGE =
  'Now set PARTITIONS to the new number for all pushers and workers, and restart them. Until the first of them starts, jobs with ' +
  'a key are refused; `millrace partitions drain --cancel` takes that back.';

/** It ended before the queue was drained. */
export function stillDrainingText(queues: readonly string[]): string {
  const named = queues.join(' ');
  return (
    `still being drained: ${queues.join(', ')}. Jobs with a key are refused there until it is done and PARTITIONS is another number. ` +
    `Run it again to go on waiting, or take it back: millrace partitions drain --cancel --queue ${named}`
  );
}
