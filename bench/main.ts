/**
 * `npm run bench`: jobs that do nothing, every peer in the same run. `npm run bench -- rows`: what the worker must
 * reach, a row each. Both print; they assert nothing.
 */
import { Command, Option } from 'commander';
import { stopAllProcesses } from '../test/helpers/process.ts';
import { FAKTORY_VERSIONS } from '../test/helpers/real-faktory.ts';
import { type CompareOptions, compare } from './compare.ts';
import { DEFAULT_PEERS, LeftOut } from './peers.ts';
import { type RowsOptions, runRows } from './rows/run.ts';
import type { RoundTrip } from './stage.ts';

const names = (text: string): string[] => text.split(',').map((name) => name.trim());
const numbers = (text: string): number[] => names(text).map(Number);

const roundTrips = (text: string): RoundTrip[] =>
  names(text).map((name) => (name === 'direct' ? name : Number(name)));

const rounds = () => new Option('--rounds <n>', 'rounds; medians are printed').argParser(Number).default(5);
const version = () =>
  new Option('--faktory-version <version>', 'which real Faktory').choices(FAKTORY_VERSIONS).default('1.10.0');
const peers = () => new Option('--peers <list>', 'what is measured').argParser(names).default(DEFAULT_PEERS);

const program = new Command('bench')
  .enablePositionalOptions()
  .addOption(
    new Option('--faktory <which>', 'against which Faktory').choices(['real', 'embedded']).default('real'),
  )
  .addOption(version())
  .addOption(rounds())
  .addOption(new Option('--concurrency <list>', 'slots').argParser(numbers).default([50, 500]))
  .addOption(
    new Option('--round-trip <list>', 'ms, made by a relay, or direct: without one')
      .argParser(roundTrips)
      .default(['direct', 0, 50]),
  )
  .addOption(peers())
  .addOption(
    new Option('--jobs <n>', 'a measurement ends when so many are done').argParser(Number).default(50_000),
  )
  .addOption(new Option('--seconds <n>', 'or so long after the first of them').argParser(Number).default(8))
  .action((options: CompareOptions) => compare(options));

program
  .command('rows')
  .description('What the worker must reach, each with a command of its own.')
  .option('--only <list>', 'ids of rows, as in the table', names)
  .addOption(rounds())
  .addOption(version())
  .addOption(peers())
  .addOption(
    new Option('--minute <s>', 'how long row 9b takes; its target is about a minute')
      .argParser(Number)
      .default(60),
  )
  .action((options: RowsOptions) => runRows(options));

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof LeftOut)) throw error;
  console.error(`${error.message}; --faktory embedded needs nothing`);
  process.exitCode = 1;
} finally {
  await stopAllProcesses();
}
