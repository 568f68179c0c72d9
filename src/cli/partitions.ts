import { Command } from 'commander';
import type { Config } from '../config.ts';
import { MillraceError } from '../errors.ts';
import { checkQueueName } from '../protocol/job.ts';
import { addSettings, CONNECTION_SETTINGS, configOf, PARTITION_SETTINGS } from './settings.ts';

const STATUS_SETTINGS = [...CONNECTION_SETTINGS, ...PARTITION_SETTINGS, 'WORKER_QUEUES'] as const;
const PLAN_OPTIONS = { '--partitions <n>': 'PARTITIONS', '--per-pod <n>': 'PARTITIONS_PER_POD' } as const;

interface PlanOptions {
  pods?: string;
  keys?: string;
  sample?: string;
  json?: boolean;
}

interface StatusOptions {
  queue?: string[];
  json?: boolean;
}

interface DrainOptions extends StatusOptions {
  cancel?: boolean;
  timeout?: string;
  skipMissing?: boolean;
}

const PLAN_HELP = `
Needs no server. Pods are worker processes: each takes --per-pod partitions at most, so partitions / per-pod of them, rounded
up, leave none without a worker. A key is always in the same partition: a hot one makes its own wait, and no other.

Examples:
  millrace partitions plan --partitions 16 --per-pod 2
  millrace partitions plan --partitions 16 --per-pod 4 --pods 3
  millrace partitions plan --partitions 64 --keys phones.txt     one key a line, once for each of its jobs; - for standard input
`;

const STATUS_HELP = `
Asks Redis (REDIS_URL) who owns which partition and how far it has come, and Faktory how many jobs wait and for how long.

Exit code: 1 when a partition has had no owner for twice PARTITION_LEASE_TTL_MS, or its numbers are lost while jobs of it wait.

Examples:
  millrace partitions status
  millrace partitions status --queue orders --json
`;

const DRAIN_HELP = `
To be run before PARTITIONS is changed, while the workers of the old number still run. It
  1. marks the queue: from then on jobs with a key are refused (PARTITION_LAYOUT; over HTTP 503 with Retry-After), jobs
     without one go on;
  2. waits until all that were pushed before are done, and tells how many are left, and what keeps them;
  3. says so. Then set PARTITIONS to the new number for all pushers and workers, and restart them: the first one that
     starts ends it.
The mark stays when the command ends before that (--timeout, Ctrl-C): run it again, or take it back by --cancel.
Jobs with a time of their own (\`at\`) that is not there yet are not waited for: docs/partitions.md, "Changing PARTITIONS".

Exit code: 0 when all are drained, 1 when not.

Examples:
  millrace partitions drain
  millrace partitions drain --queue orders --timeout 600
  millrace partitions drain --queue orders --cancel
`;

/** `millrace partitions plan|status|drain`: how a queue is split, how its parts fare, and how that is changed. */
export function partitionsCommand(): Command {
  const command = new Command('partitions').description(
    'Plan partitions, which keep the jobs of a key in order, see how they fare, and drain them to change their number.',
  );
  command.addCommand(planCommand());
  command.addCommand(statusCommand());
  command.addCommand(drainCommand());
  return addSettings(command, {}, [...CONNECTION_SETTINGS, ...PARTITION_SETTINGS, 'WORKER_QUEUES']);
}

function planCommand(): Command {
  const command = new Command('plan')
    .description('How many pods partitions take, and how keys spread over them.')
    .option('--pods <n>', 'how many pods there are to be: warns when that is too few')
    .option('--keys <file>', 'file of keys, one a line; - for standard input')
    .option('--sample <n>', 'made-up phone numbers instead of a file')
    .option('--json', 'print one object')
    .action(async ({ pods, keys, sample, json = false }: PlanOptions) => {
      const config = configOf(command);
      if (keys !== undefined && sample !== undefined) throw usage('--keys and --sample do not go together');
      const { runPlan } = await import('./partitions-plan.ts');
      await runPlan({
        partitions: config.PARTITIONS,
        perPod: config.PARTITIONS_PER_POD,
        pods: pods === undefined ? undefined : whole('--pods', pods, 100_000),
        keys,
        sample: sample === undefined ? undefined : whole('--sample', sample, 10_000_000),
        json,
      });
    });
  return addSettings(command, PLAN_OPTIONS, []).addHelpText('after', PLAN_HELP);
}

function statusCommand(): Command {
  const command = new Command('status')
    .description('Owner, fence, next number, backlog and age of each partition.')
    .option('--queue <queue...>', 'the queue that is split (default: those of WORKER_QUEUES)')
    .option('--json', 'print one object')
    .action(async ({ queue, json = false }: StatusOptions) => {
      const { runStatus } = await import('./partitions-status.ts');
      const config = configOf(command);
      const isWell = await runStatus({ config, queues: queuesOf(queue, config), json });
      if (!isWell) process.exitCode = 1;
    });
  return addSettings(command, {}, STATUS_SETTINGS).addHelpText('after', STATUS_HELP);
}

function drainCommand(): Command {
  const command = new Command('drain')
    .description('Refuse jobs with a key until all that wait are done, so that PARTITIONS can be changed.')
    .option('--queue <queue...>', 'the queue that is split (default: those of WORKER_QUEUES)')
    .option('--cancel', 'take it back: jobs with a key are taken again')
    .option('--timeout <s>', 'wait no longer (default: as long as it takes)')
    .option('--skip-missing', 'go on without jobs that are in no queue, once no worker of the queue runs')
    .option('--json', 'print one object at the end, and nothing else')
    .action(async ({ queue, cancel = false, timeout, skipMissing = false, json = false }: DrainOptions) => {
      const config = configOf(command);
      const timeoutMs = timeout === undefined ? undefined : 1_000 * whole('--timeout', timeout, 1_000_000);
      if (cancel && (timeoutMs !== undefined || skipMissing))
        throw usage('--cancel takes neither --timeout nor --skip-missing');
      const { runCancel, runDrain } = await import('./partitions-drain.ts');
      const request = { config, queues: queuesOf(queue, config), timeoutMs, skipMissing, json };
      if (cancel) await runCancel(request);
      else if (!(await runDrain(request))) process.exitCode = 1;
    });
  return addSettings(command, {}, STATUS_SETTINGS).addHelpText('after', DRAIN_HELP);
}

/** As it was said, or by the setting; each once. */
function queuesOf(said: readonly string[] | undefined, { WORKER_QUEUES }: Config): string[] {
  const set = Array.isArray(WORKER_QUEUES) ? WORKER_QUEUES : Object.keys(WORKER_QUEUES);
  return [...new Set((said ?? set).map(checkQueueName))];
}

function whole(flag: string, text: string, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 1 && value <= most) return value;
  throw usage(`${flag} is "${text}", it takes a whole number from 1 to ${most}`);
}

const usage = (text: string): MillraceError => new MillraceError('CONFIG_INVALID', text);
