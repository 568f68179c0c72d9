import { open } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { Command, Option } from 'commander';
import { parseNumber, parseWholes } from '../bench/sweep.ts';
import { apiTokens, faktoryPassword, faktoryUrl, isSet } from '../config.ts';
import { type Address, parseAddress, showAddress } from '../connection/address.ts';
import { MillraceError } from '../errors.ts';
import type { Results, ScenarioResult, Setting } from '../load/results.ts';
import {
  type Ground,
  jobsOf,
  parseScenarios,
  SCENARIO_NAMES,
  SCENARIO_TITLES,
  type ScenarioName,
  whyLeftOut,
} from '../load/scenarios.ts';
import type { Target } from '../load/shot.ts';
import { onSignals } from '../signals.ts';
import { ask } from './ask.ts';
import { pushingOf } from './link.ts';
import { LoadProgress } from './load-progress.ts';
import { addSettings, configOf, PUSHING_SETTINGS } from './settings.ts';
import { writeReport } from './write-report.ts';

interface LoadFlags {
  embedded?: boolean;
  scenario?: ScenarioName[];
  connections: number;
  requests?: number;
  duration?: number;
  rate?: number;
  jobtype?: string;
  out?: string;
  json?: string;
  yes?: boolean;
}

const JOBTYPE = 'millrace-load';

const HELP = `
Scenarios:
${SCENARIO_NAMES.map((name) => `  ${name.padEnd(13)} ${SCENARIO_TITLES[name]}`).join('\n')}

Without a URL an API, a worker and an embedded Faktory are started, each in a process of its own; with FAKTORY_URL it
is that Faktory instead. With a URL it is the API there, with the token of API_TOKEN: if FAKTORY_URL is the Faktory of
that API, jobs go through a queue of their own, millrace-load, and a worker of the load runs them; else they go to
POST /jobs/<jobtype> and stay for your workers. Exit code 1: something does not add up.

Examples:
  millrace load                                          on this machine alone, two minutes
  millrace load --scenario bombardment --out load.html
  API_TOKEN=… FAKTORY_URL=tcp://… millrace load https://jobs.example --scenario sustained,end-to-end
  API_TOKEN=… millrace load https://jobs.example --jobtype noop --rate 100 --duration 10 --json -
`;

/** `millrace load`: an API under load, and whether every job is accounted for. */
export function loadCommand(): Command {
  const whole = (flag: string, least: number, most: number) => (text: string) => {
    const [first, ...more] = parseWholes(flag, text, least, most);
    if (more.length === 0) return first;
    throw new MillraceError('CONFIG_INVALID', `${flag} is "${text}", it takes one number`);
  };
  const command = new Command('load')
    .description(
      'Load an HTTP API with jobs, and tell what it does: rates, latency, CPU, memory, and what is lost.',
    )
    .argument('[url]', 'of an API that runs (default: one is started for it)')
    .option('--embedded', 'start an embedded Faktory, whatever FAKTORY_URL says; without a URL only')
    .addOption(new Option('--scenario <list>', 'which (default: all that fit)').argParser(parseScenarios))
    .addOption(
      new Option('--connections <n>', 'connections that requests come on')
        .argParser(whole('--connections', 1, 10_000))
        .default(100),
    )
    .addOption(
      new Option(
        '--requests <n>',
        'of ten-thousand, bombardment and bulk (default: 10,000, 50,000, 50,000)',
      ).argParser(whole('--requests', 1, 10_000_000)),
    )
    .addOption(
      new Option('--duration <s>', 'of the others (default: 60; saturation 5, end-to-end 10)').argParser(
        (text) => parseNumber('--duration', text, 1, 3_600),
      ),
    )
    .addOption(
      new Option(
        '--rate <n>',
        'requests a second of sustained and end-to-end (default: 1,000 and 100)',
      ).argParser(whole('--rate', 1, 20_000)),
    )
    .option('--jobtype <name>', `of the jobs (default: ${JOBTYPE}, where a worker of the load runs them)`)
    .option('--out <file>', 'write a report with plots, one HTML file that needs no network')
    .option('--json <file>', 'write all figures, as JSON; - for stdout, instead of the table')
    .option('--yes', 'do not ask before loading what others may use; needed where there is no terminal')
    .action((url: string | undefined, flags: LoadFlags) => runLoadCommand(command, url, flags));
  addSettings(command, {}, [
    'API_TOKEN',
    'FAKTORY_URL',
    'FAKTORY_PROVIDER',
    'FAKTORY_PASSWORD',
    ...PUSHING_SETTINGS,
  ]);
  return command.addHelpText('after', HELP);
}

async function runLoadCommand(command: Command, url: string | undefined, flags: LoadFlags): Promise<void> {
  const config = configOf(command);
  const foreign = url === undefined ? undefined : targetOf(url);
  if (foreign !== undefined && flags.embedded)
    throw new MillraceError(
      'CONFIG_INVALID',
      '--embedded is for an API that is started: leave it out, or the URL',
    );
  const faktory = addressOf(flags);
  const hasWorker = foreign === undefined || faktory !== undefined;
  if (!hasWorker && flags.jobtype === undefined)
    throw new MillraceError(
      'CONFIG_INVALID',
      'say --jobtype: of jobs that your workers may run and that do nothing; or set FAKTORY_URL to the Faktory of this API',
    );
  const { run, leftOut } = chosen(flags, { isForeign: foreign !== undefined, hasWorker });
  for (const { name, leftOut: why } of leftOut) console.error(`${name} is left out: ${why}`);
  if (run.length === 0) throw new MillraceError('CONFIG_INVALID', 'no scenario is left to run');
  if (!(await mayLoad(foreign, faktory, run, flags))) {
    console.error('nothing was loaded');
    process.exitCode = 1;
    return;
  }
  // A file that cannot be written is told before the minutes it takes, not after; what it holds stays until then.
  for (const file of [flags.json, flags.out])
    if (file !== undefined && file !== '-') await (await open(file, 'a')).close();
  const jobtype = flags.jobtype ?? JOBTYPE;
  const reach = faktory === undefined ? undefined : reachOf(faktory);
  if (foreign !== undefined) await (await import('../load/reach.ts')).checkReach({ foreign, reach, jobtype });

  const setting = settingOf(foreign, faktory, flags);
  const { scenarios, endedEarly } = await fire(
    { foreign, faktory: reach, jobtype, scenarios: run, pushing: pushingOf(config) },
    flags,
  );
  await tell({ ...setting, scenarios, leftOut, endedEarly }, flags);
}

type Fixed = Omit<Parameters<typeof import('../load/run.ts').runLoad>[0], 'amounts' | 'signal' | 'onStep'>;

async function fire(
  fixed: Fixed,
  { requests, duration, rate, connections }: LoadFlags,
): Promise<{ scenarios: ScenarioResult[]; endedEarly: boolean }> {
  const { runLoad } = await import('../load/run.ts');
  const ending = new AbortController();
  const untrap = onSignals({ stop: () => ending.abort() });
  const progress = new LoadProgress({
    terminal: process.stderr.isTTY === true,
    write: (text) => process.stderr.write(text),
  });
  try {
    const scenarios = await runLoad({
      ...fixed,
      amounts: { requests, seconds: duration, perSecond: rate, connections },
      signal: ending.signal,
      onStep: (step) => progress.step(step),
    });
    return { scenarios, endedEarly: ending.signal.aborted };
  } finally {
    progress.end();
    untrap();
  }
}

function targetOf(url: string): Target {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol) || parsed.search + parsed.hash !== '')
    throw new MillraceError(
      'CONFIG_INVALID',
      `the URL is ${JSON.stringify(withoutUser(url))}, it takes http://host:port or https://host`,
    );
  if (parsed.username + parsed.password !== '')
    throw new MillraceError(
      'CONFIG_INVALID',
      'the URL takes no user or password: set API_TOKEN, which no list of processes shows',
    );
  const [token] = apiTokens();
  return { url: parsed.href.replace(/\/+$/, ''), ...(token === undefined ? {} : { token }) };
}

const withoutUser = (url: string): string => url.replace(/\/\/[^/@]*@/, '//');

/** The Faktory to use; undefined: an embedded one, or none that is known. */
function addressOf({ embedded }: LoadFlags): Address | undefined {
  if (embedded || !(isSet('FAKTORY_URL') || isSet('FAKTORY_PROVIDER'))) return undefined;
  return parseAddress(faktoryUrl(), faktoryPassword());
}

function reachOf(address: Address): { url: string; password?: string } {
  const { password } = address;
  return { url: showAddress(address), ...(password === undefined ? {} : { password }) };
}

function chosen(
  { scenario }: LoadFlags,
  ground: Ground,
): { run: ScenarioName[]; leftOut: Results['leftOut'] } {
  const named = scenario ?? SCENARIO_NAMES;
  const reasons = named.map((name) => ({ name, why: whyLeftOut(name, ground, scenario !== undefined) }));
  return {
    run: reasons.filter(({ why }) => why === undefined).map(({ name }) => name),
    leftOut: reasons.flatMap(({ name, why }) =>
      why === undefined ? [] : [{ name, title: SCENARIO_TITLES[name], leftOut: why }],
    ),
  };
}

async function mayLoad(
  foreign: Target | undefined,
  faktory: Address | undefined,
  run: readonly ScenarioName[],
  flags: LoadFlags,
): Promise<boolean> {
  if (flags.yes || (foreign === undefined && faktory === undefined)) return true;
  const { requests, duration, rate, connections } = flags;
  const amounts = run.map((name) =>
    jobsOf(name, { requests, seconds: duration, perSecond: rate, connections }),
  );
  const sum = amounts.reduce<number>((all, each) => all + (each ?? 0), 0).toLocaleString('en-US');
  const jobs = amounts.includes(null) ? `${sum} jobs, and as many as it takes,` : `${sum} jobs`;
  const where = foreign === undefined ? showAddress(faktory!) : foreign.url;
  const what =
    foreign !== undefined && faktory === undefined
      ? `of jobtype ${flags.jobtype} to ${where}, for your workers to run`
      : `to ${where}, queue millrace-load, and run them here`;
  if (!(process.stdin.isTTY && process.stderr.isTTY)) {
    const message = `there is no terminal to ask on whether to push ${jobs} ${what}: say --yes to go ahead`;
    throw new MillraceError('CONFIG_INVALID', message);
  }
  return ask(`Push ${jobs} ${what}? y/N `);
}

function settingOf(
  foreign: Target | undefined,
  faktory: Address | undefined,
  { connections }: LoadFlags,
): Setting {
  const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
  const machine = cpus();
  const known = faktory === undefined ? null : showAddress(faktory);
  return {
    millrace: version,
    node: process.version,
    cores: machine.length,
    cpu: machine[0]?.model.trim() ?? 'unknown',
    api: foreign?.url ?? null,
    faktory: foreign === undefined ? (known ?? 'embedded') : known,
    startedAt: new Date().toISOString(),
    connections,
  };
}

async function tell(results: Results, { json, out }: LoadFlags): Promise<void> {
  const { isWhole, tableOf } = await import('../load/results.ts');
  const { textTable } = await import('../bench/results.ts');
  const text = `${JSON.stringify(results, null, 2)}\n`;
  if (json === '-') process.stdout.write(text);
  else if (results.scenarios.length > 0) console.log(textTable(tableOf(results)));
  if (json !== undefined && json !== '-') await writeReport(json, text);
  if (out !== undefined) {
    const { reportOf } = await import('../load/report.ts');
    await writeReport(out, reportOf(results));
  }
  if (results.endedEarly) console.error('ended early: what is told is not all that was asked for');
  if (!isWhole(results)) process.exitCode = 1;
}
