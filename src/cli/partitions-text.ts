/** What `millrace partitions` says. Pure. */
import { podsNeeded, type Spread, uncovered } from '../partitions/layout.ts';
import { duration } from './doctor-check.ts';
import { count, counted } from './doctor-sum.ts';
import type { PartitionRow, QueueStatus } from './partitions-row.ts';

export function planText(partitions: number, perPod: number): string {
  const pods = podsNeeded(partitions, perPod);
  return (
    `${counted(partitions, 'partition', 'partitions')}, ${perPod} a pod at most: ` +
    `${counted(pods, 'pod is', 'pods are')} needed (${partitions} / ${perPod}${partitions % perPod === 0 ? '' : ', rounded up'}); ` +
    'one more, and a pod can die without its jobs waiting for another to start'
  );
}

export function shortageText(plan: { partitions: number; perPod: number; pods: number }): string {
  const { partitions, perPod, pods } = plan;
  const without = uncovered(partitions, perPod, pods);
  return (
    `warning: ${counted(pods, 'pod takes', 'pods take')} ${pods * perPod} of ${partitions} partitions: the jobs of ` +
    `${counted(without, 'partition', 'partitions')} never run. Start ${podsNeeded(partitions, perPod)} pods, or set ` +
    `PARTITIONS_PER_POD=${Math.ceil(partitions / pods)}`
  );
}

/** Of more partitions than this only the fullest and the emptiest are shown. */
const MOST_ROWS = 64;
const EXTREMES = 8;
const HOT_SHOWN = 10;
const BAR = 30;

export function spreadText({ jobs, keys, partitions, hot }: Spread): string {
  const even = jobs / partitions.length;
  const rows = partitions.map((each, partition) => ({ partition, ...each })).sort((a, b) => b.jobs - a.jobs);
  const fullest = rows[0]!;
  const shown =
    rows.length <= MOST_ROWS
      ? [...rows].sort((a, b) => a.partition - b.partition)
      : [...rows.slice(0, EXTREMES), ...rows.slice(-EXTREMES)];
  const lines = shown.map((row) => [
    String(row.partition),
    count(row.keys),
    count(row.jobs),
    share(row.jobs, even),
    '#'.repeat(Math.round((BAR * row.jobs) / Math.max(1, fullest.jobs))),
  ]);
  const title = `${counted(jobs, 'job', 'jobs')} of ${counted(keys, 'key', 'keys')}, ${count(Math.round(even))} a partition if they were even`;
  const summary = `the fullest has ${share(fullest.jobs, even)} of an even share, the emptiest ${share(rows.at(-1)!.jobs, even)}`;
  const table = tableText(['partition', 'keys', 'jobs', 'of even', ''], lines);
  return [
    title,
    table,
    rows.length > MOST_ROWS ? `(the ${EXTREMES} fullest and emptiest of ${rows.length})` : [],
    summary,
    hotText(hot),
  ]
    .flat()
    .join('\n');
}

function hotText(hot: Spread['hot']): string[] {
  if (hot.length === 0) return [];
  const more = hot.length > HOT_SHOWN ? ` (the first ${HOT_SHOWN} of ${count(hot.length)})` : '';
  const lines = hot
    .slice(0, HOT_SHOWN)
    .map(
      ({ key, jobs, partition }) =>
        `  ${shownKey(key)}: ${counted(jobs, 'job', 'jobs')}, partition ${partition}`,
    );
  return [
    `hot keys, each with a partition's even share of jobs or more${more}:`,
    ...lines,
    'jobs of one key run one after another whatever PARTITIONS is: only shorter handlers, or finer keys, help these',
  ];
}

const share = (jobs: number, even: number): string =>
  even === 0 ? '–' : `${Math.round((100 * jobs) / even)}%`;

/** Quoted, so that spaces and control characters show. */
const shownKey = (key: string): string => JSON.stringify(key.length > 60 ? `${key.slice(0, 60)}…` : key);

/** Numbers to the right, the last column to the left. */
export function tableText(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, i) => (i === row.length - 1 ? cell : cell.padStart(widths[i]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export function statusText(status: QueueStatus): string {
  const { queue, partitions, members, calmMs, drainingMs, rows, beyond } = status;
  if (partitions === 0) return `queue ${queue}: Redis knows of no partitions`;
  const workers = counted(members.length, 'worker that takes', 'workers that take');
  const room = members.reduce((sum, { most }) => sum + most, 0);
  const title = `queue ${queue}: ${counted(partitions, 'partition', 'partitions')}, ${workers} ${count(room)} at most`;
  const cells = rows.map((row) => [
    String(row.partition),
    row.next === null ? '–' : count(row.next),
    row.undone === null ? '–' : count(row.undone),
    row.backlog === null ? '–' : count(row.backlog),
    row.ageSeconds === null ? '–' : duration(row.ageSeconds),
    row.fence === null ? '–' : String(row.fence),
    ownerText(row),
  ]);
  const table = tableText(['partition', 'next', 'not done', 'backlog', 'oldest', 'fence', 'owner'], cells);
  const troubles = rows
    .filter(({ trouble }) => trouble !== null)
    .map((row) => `partition ${row.partition}: ${row.trouble}`);
  const calm =
    calmMs === 0
      ? []
      : `Redis was restarted or emptied, or the layout changed: nobody may take a partition for another ${duration(calmMs / 1_000)}`;
  return [title, drainingText(drainingMs), table, calm, troubles, beyondText(beyond)].flat().join('\n');
}

function drainingText(drainingMs: number | null): string[] {
  if (drainingMs === null) return [];
  return [
    `it is being drained, for ${duration(drainingMs / 1_000)} by now: jobs with a key are refused until PARTITIONS is another number, or until \`millrace partitions drain --cancel\``,
  ];
}

/** They may be queues of somebody else's. */
function beyondText(beyond: QueueStatus['beyond']): string[] {
  if (beyond.length === 0) return [];
  const named = beyond.map(({ queue, backlog }) => `${queue} (${count(backlog)})`).join(', ');
  const queues = beyond.map(({ queue }) => queue).join(',');
  return [
    `jobs wait beyond the last partition: ${named}. If PARTITIONS was greater once, run them by a worker with PARTITIONS=0 WORKER_QUEUES=${queues}`,
  ];
}

function ownerText({ owner, ownerlessMs }: PartitionRow): string {
  if (owner !== null) return owner;
  return `nobody for ${duration((ownerlessMs ?? 0) / 1_000)}`;
}
