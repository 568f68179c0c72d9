import { Command } from 'commander';
import { MillraceError } from '../errors.ts';
import { addSettings, CONNECTION_SETTINGS, configOf, PARTITION_SETTINGS } from './settings.ts';

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

/** `millrace partitions plan|status`: how a queue is split, and how its parts fare. */
export function partitionsCommand(): Command {
  const command = new Command('partitions').description(
    'Plan partitions, which keep the jobs of a key in order, and see how they fare.',
  );
  command.addCommand(planCommand());
  command.addCommand(statusCommand());
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
      const isWell = await runStatus({ config: configOf(command), queues: queue, json });
      if (!isWell) process.exitCode = 1;
    });
  const settings = [...CONNECTION_SETTINGS, ...PARTITION_SETTINGS, 'WORKER_QUEUES' as const];
  return addSettings(command, {}, settings).addHelpText('after', STATUS_HELP);
}

function whole(flag: string, text: string, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 1 && value <= most) return value;
  throw usage(`${flag} is "${text}", it takes a whole number from 1 to ${most}`);
}

const usage = (text: string): MillraceError => new MillraceError('CONFIG_INVALID', text);
