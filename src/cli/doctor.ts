import { Command } from 'commander';
import { MillraceError } from '../errors.ts';
import { processCount } from './processes-policy.ts';
import { addSettings, CONNECTION_SETTINGS, configOf } from './settings.ts';

interface DoctorOptions {
  rtt?: string;
  jobTime: string;
  rate?: string;
  json?: boolean;
}

const HELP = `
Looks at Faktory and the way to it, and prints a line for each check: ok, warn or FAIL, and what to do. It asks INFO
once, pushes and fetches nothing, and shows in Faktory as a worker with the label doctor for a moment, because it
measures the round trip by BEATs.

Then it calculates WORKER_CONCURRENCY and shows how: jobs in flight = rate × (round trip + job time). With --rtt it
connects to nothing and prints the sum alone.

Exit code: 0 when all is well, warnings among it; 1 when a check FAILs.

Examples:
  millrace doctor
  millrace doctor --rate 5000 --job-time 20 --processes 4
  millrace doctor --rtt 50 --job-time 1 --rate 30000
`;

/** `millrace doctor`: is all well between here and Faktory, and how many slots does it take? */
export function doctorCommand(): Command {
  const command = new Command('doctor')
    .description('Check Faktory and the way to it, and calculate WORKER_CONCURRENCY.')
    .option('--rtt <ms>', 'the round trip, instead of measuring it: nothing is connected to')
    .option('--job-time <ms>', 'how long a handler takes', '1')
    .option('--rate <jobs>', 'jobs a second that are wanted')
    .option('--json', 'print one object: {"ok", "faktory", "checks", "figures", "load", "sum"}')
    .action(async (options: DoctorOptions) => {
      const config = configOf(command);
      const { runDoctor } = await import('./doctor-run.ts');
      const isWell = await runDoctor({
        rttMs: options.rtt === undefined ? undefined : number('--rtt', options.rtt, 0),
        jobTimeMs: number('--job-time', options.jobTime, 0),
        rate: options.rate === undefined ? undefined : number('--rate', options.rate, 0.001),
        processes: processCount(config.WORKER_PROCESSES),
        json: options.json === true,
        config,
      });
      if (!isWell) process.exitCode = 1;
    });
  addSettings(command, { '--processes <n>': 'WORKER_PROCESSES' }, CONNECTION_SETTINGS);
  return command.addHelpText('after', HELP);
}

/** More than this is a slip of the hand, and makes sums that nobody can read. */
const MOST = 1e9;

/** Decimal only; throws CONFIG_INVALID. */
function number(flag: string, text: string, least: number): number {
  const value = /^\d+(\.\d+)?$|^\.\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= MOST) return value;
  throw new MillraceError(
    'CONFIG_INVALID',
    `${flag} is "${text}", it takes a number from ${least} to 1000000000`,
  );
}
