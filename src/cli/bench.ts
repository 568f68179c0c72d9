import { open } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { Command, Option } from 'commander';
import type { Figure } from '../bench/classify.ts';
import type { Results, Setting } from '../bench/results.ts';
import { cellsOf, parseNumber, parseWholes, runsOf } from '../bench/sweep.ts';
import { faktoryPassword, faktoryUrl, isSet } from '../config.ts';
import { type Address, parseAddress, showAddress } from '../connection/address.ts';
import { MillraceError } from '../errors.ts';
import { onSignals } from '../signals.ts';
import { ask } from './ask.ts';
import { BenchProgress } from './bench-progress.ts';
import { addSettings, configOf } from './settings.ts';
import { writeReport } from './write-report.ts';

interface BenchOptions {
  embedded?: boolean;
  concurrency: number[];
  latency: number[];
  jobs: number;
  seconds: number;
  rounds: number;
  jobTime: number;
  bandwidth?: number;
  json?: string;
  html?: string;
  yes?: boolean;
}

const HELP = `
Every concurrency at every latency is measured with prefetch 0 (a slot is a fetch loop, as in most workers) and auto
(what millrace does unless told otherwise), by turns, --rounds times each; medians are told with their spread. The jobs are in a queue of their own, millrace-bench, which is emptied at the end; no other
queue is touched. A Faktory in use gets slower meanwhile.

Examples:
  millrace bench                                   on this machine alone, three minutes
  millrace bench --latency 50 --concurrency 50,100,500,1000 --html bench.html
  FAKTORY_URL=tcp://jobs.example:7419 millrace bench --latency 0 --json bench.json
`;

/** `millrace bench`: how fast jobs can be run from here, and what keeps them from being faster. */
export function benchCommand(): Command {
  const wholes = (flag: string, least: number, most: number) => (text: string) =>
    parseWholes(flag, text, least, most);
  const whole = (flag: string, least: number, most: number) => (text: string) => {
    const [first, ...more] = parseWholes(flag, text, least, most);
    if (more.length === 0) return first;
    throw new MillraceError('CONFIG_INVALID', `${flag} is "${text}", it takes one number`);
  };
  const amount = (flag: string, least: number, most: number) => (text: string) =>
    parseNumber(flag, text, least, most);
  const command = new Command('bench')
    .description('Measure the worker at several concurrencies and latencies, and tell what bounds it.')
    .option('--embedded', 'against an embedded Faktory of its own (default where FAKTORY_URL is not set)')
    .addOption(
      new Option('--concurrency <list>', 'slots')
        .argParser(wholes('--concurrency', 1, 10_000))
        .default([50, 500], '50,500'),
    )
    .addOption(
      new Option('--latency <list>', 'round trips to add, in ms')
        .argParser(wholes('--latency', 0, 5_000))
        .default([0, 10, 50], '0,10,50'),
    )
    .addOption(
      new Option('--jobs <n>', 'jobs of each measurement at most')
        .argParser(whole('--jobs', 10, 1_000_000))
        .default(100_000),
    )
    .addOption(
      new Option('--seconds <n>', 'the longest a measurement takes')
        .argParser(amount('--seconds', 0.5, 600))
        .default(3),
    )
    .addOption(
      new Option('--rounds <n>', 'measurements of each, of which the median is told')
        .argParser(whole('--rounds', 1, 100))
        .default(3),
    )
    .addOption(
      new Option('--job-time <ms>', 'how long each job waits')
        .argParser(amount('--job-time', 0, 60_000))
        .default(0),
    )
    .addOption(
      new Option(
        '--bandwidth <kB/s>',
        'what the link carries, if you know: says where it is what bounds',
      ).argParser(amount('--bandwidth', 1, 1e9)),
    )
    .option('--json <file>', 'write all figures, as JSON')
    .option('--html <file>', 'write a report with plots, one file that needs no network')
    .option('--yes', 'do not ask before using the Faktory of FAKTORY_URL; needed where there is no terminal')
    .action((options: BenchOptions) => {
      configOf(command);
      return runBench(options);
    });
  addSettings(command, {}, [
    'FAKTORY_URL',
    'FAKTORY_PROVIDER',
    'FAKTORY_PASSWORD',
    'FAKTORY_MAX_CONNECTIONS',
  ]);
  return command.addHelpText('after', HELP);
}

async function runBench(options: BenchOptions): Promise<void> {
  const cells = cellsOf(options.latency, options.concurrency);
  const runs = runsOf(cells, options.rounds);
  const { checkAddress, sweep } = await import('../bench/run.ts');
  const faktory = addressOf(options);
  if (faktory !== undefined) {
    checkAddress(faktory);
    if (!(await mayUse(faktory, options))) {
      console.error('nothing was measured');
      process.exitCode = 1;
      return;
    }
  }
  // A file that cannot be written is told before the minutes it takes, not after; what it holds stays until then.
  for (const file of [options.json, options.html])
    if (file !== undefined) await (await open(file, 'a')).close();

  const setting = settingOf(options, faktory, cells.length);
  const ending = new AbortController();
  const untrap = onSignals({ stop: () => ending.abort() });
  const terminal = process.stderr.isTTY === true;
  const progress = new BenchProgress({
    runs: runs.length,
    rounds: options.rounds,
    terminal,
    write: (text) => process.stderr.write(text),
  });
  let figures: Figure[];
  try {
    figures = await sweep({
      ...options,
      jobTimeMs: options.jobTime,
      runs,
      faktory,
      signal: ending.signal,
      onStep: (step) => progress.step(step),
    });
  } finally {
    progress.end();
    untrap();
  }
  await tell(setting, figures, options);
  if (ending.signal.aborted) {
    console.error(`ended early: ${figures.length} of ${runs.length} measurements`);
    process.exitCode = 1;
  }
}

/** The Faktory to use; undefined: an embedded one. */
function addressOf({ embedded }: BenchOptions): Address | undefined {
  if (embedded || !(isSet('FAKTORY_URL') || isSet('FAKTORY_PROVIDER'))) return undefined;
  return parseAddress(faktoryUrl(), faktoryPassword());
}

async function mayUse(faktory: Address, { yes, jobs }: BenchOptions): Promise<boolean> {
  if (yes) return true;
  if (!(process.stdin.isTTY && process.stderr.isTTY)) {
    throw new MillraceError(
      'CONFIG_INVALID',
      `there is no terminal to ask on whether to load ${showAddress(faktory)}: say --yes to go ahead, or --embedded`,
    );
  }
  return ask(
    `Push up to ${jobs} jobs at a time to ${showAddress(faktory)}, queue millrace-bench, and run them? y/N `,
  );
}

function settingOf(options: BenchOptions, faktory: Address | undefined, cellsAsked: number): Setting {
  const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
  const machine = cpus();
  return {
    millrace: version,
    node: process.version,
    cores: machine.length,
    cpu: machine[0]?.model.trim() ?? 'unknown',
    faktory: faktory === undefined ? 'embedded' : showAddress(faktory),
    startedAt: new Date().toISOString(),
    jobs: options.jobs,
    seconds: options.seconds,
    rounds: options.rounds,
    jobTimeMs: options.jobTime,
    bandwidth: options.bandwidth ?? null,
    cellsAsked,
  };
}

async function tell(setting: Setting, figures: readonly Figure[], options: BenchOptions): Promise<void> {
  const { resultsOf, tableOf, textTable } = await import('../bench/results.ts');
  const results: Results = resultsOf(setting, figures);
  console.log(textTable(tableOf(results)));
  if (options.json !== undefined) await writeReport(options.json, `${JSON.stringify(results, null, 2)}\n`);
  if (options.html === undefined) return;
  const { reportOf } = await import('../bench/report.ts');
  await writeReport(options.html, reportOf(results));
}
