import { Command, Option } from 'commander';
import type { Config } from '../config.ts';
import { MillraceError } from '../errors.ts';
import { loadContract } from './contract-file.ts';
import { type JobExtras, parseArgument, parseDelay } from './job-input.ts';
import { linkOf, partitionsOf, pushingOf } from './link.ts';
import { pushFile } from './push-file.ts';
import {
  addSettings,
  CONNECTION_SETTINGS,
  configOf,
  KEYED_PUSHING_SETTINGS,
  PUSHING_SETTINGS,
} from './settings.ts';

interface PushOptions {
  file?: string;
  queue?: string;
  partitionKey?: string;
  at?: string;
  in?: Date;
}

const EXAMPLES = `
Examples:
  millrace push add '{"a": 1, "b": 2}'         one job with one argument; prints its jid
  millrace push add 1 2 --in 5m                two arguments, to run in five minutes
  millrace push charge 1 -k +5511999990000     after the jobs of that key that were pushed before
  millrace push --file jobs.ndjson             one job a line: {"jobtype": "add", "args": [1, 2]}
  millrace push add --file - < numbers.ndjson  one job a line: an array of arguments, or the one argument
`;

/** `millrace push`: from a shell to a queue. */
export function pushCommand(): Command {
  const command = new Command('push')
    .description('Push one job, or with --file one job a line.')
    .argument('[jobtype]', 'what the job is for its worker')
    .argument('[args-json...]', 'the arguments, each as JSON')
    .option('-f, --file <file>', 'newline-delimited JSON, one job a line; - for standard input')
    .option('-q, --queue <queue>', 'queue to push to (default: default)')
    .option('-k, --partition-key <key>', 'jobs of the same key run one after another (PARTITIONS)')
    .addOption(new Option('--at <time>', 'when to run it: RFC 3339, such as 2030-01-31T09:00:00Z'))
    .addOption(
      new Option('--in <delay>', 'how long from now to run it: 500ms, 30s, 5m, 2h, 1d')
        .conflicts('at')
        .argParser((text) => new Date(Date.now() + parseDelay(text))),
    )
    .action(async (jobtype: string | undefined, args: string[], options: PushOptions) => {
      await runPush(configOf(command), jobtype, args, options);
    });
  addSettings(command, { '--retry <times>': 'JOB_RETRY', '--reserve-for <seconds>': 'JOB_RESERVE_FOR' }, [
    'CONTRACT_FILE',
    ...CONNECTION_SETTINGS,
    ...PUSHING_SETTINGS,
    ...KEYED_PUSHING_SETTINGS,
  ]);
  return command.addHelpText('after', EXAMPLES);
}

async function runPush(
  config: Config,
  jobtype: string | undefined,
  texts: readonly string[],
  { file, queue, partitionKey, at, in: later }: PushOptions,
): Promise<void> {
  const runAt = at ?? later;
  const extras: JobExtras = {
    ...(queue === undefined ? {} : { queue }),
    ...(partitionKey === undefined ? {} : { partitionKey }),
    ...(runAt === undefined ? {} : { at: runAt }),
  };
  if (file === undefined && jobtype === undefined)
    throw usage('name a jobtype, or a file of jobs with --file');
  if (file !== undefined && texts.length > 0) throw usage('arguments and --file do not go together');
  const args = texts.map(parseArgument);

  const { Client } = await import('../client/client.ts');
  // Silent: what keeps it from connecting is told once, as the reason to give up.
  const contract = await loadContract(config.CONTRACT_FILE);
  const client = new Client({
    ...linkOf(config, false).connect,
    ...pushingOf(config),
    partitions: partitionsOf(config),
    ...(contract && { contract }),
  });
  try {
    await client.connect();
    if (file !== undefined)
      await pushFile({ client, file, jobtype, extras, chunkSize: config.BATCH_MAX_SIZE });
    else console.log(await client.push({ jobtype: jobtype as string, args, ...extras }));
  } finally {
    await client.close();
  }
}

function usage(text: string): MillraceError {
  return new MillraceError('CONFIG_INVALID', `${text}; see millrace push --help`);
}
