/**
 * `npm run bench`: no-op jobs at several round trips and concurrencies, every peer in the same run, interleaved, so
 * that a machine that drifts drifts for all. Prints; asserts nothing.
 */
import { cpus } from 'node:os';
import { Command, Option } from 'commander';
import { startEmbeddedFaktory } from '../test/helpers/embedded-faktory.ts';
import type { RunningFaktory } from '../test/helpers/faktory-process.ts';
import { realFaktoryAvailable, startRealFaktory, whyNoRealFaktory } from '../test/helpers/real-faktory.ts';
import { startRelayProcess } from '../test/helpers/relay-process.ts';
import { type Figure, measure } from './cell.ts';
import { markdown, show, spreadOf } from './table.ts';

const list = (text: string): number[] => text.split(',').map(Number);

interface Options {
  faktory: 'real' | 'embedded';
  rounds: number;
  concurrency: number[];
  roundTrip: number[];
  peers: string[];
  jobs: number;
  seconds: number;
}

const options = new Command('bench')
  .addOption(
    new Option('--faktory <which>', 'against which Faktory').choices(['real', 'embedded']).default('real'),
  )
  .addOption(new Option('--rounds <n>', 'rounds; medians are printed').argParser(Number).default(5))
  .addOption(new Option('--concurrency <list>', 'slots').argParser(list).default([50, 500]))
  .addOption(new Option('--round-trip <list>', 'ms, added by a relay').argParser(list).default([0, 50]))
  .addOption(
    new Option('--peers <list>')
      .argParser((text) => text.split(','))
      .default(['millrace', 'millrace-loops', 'faktory-worker']),
  )
  .addOption(
    new Option('--jobs <n>', 'jobs in the queue at the start of each measurement')
      .argParser(Number)
      .default(50_000),
  )
  .addOption(new Option('--seconds <n>', 'the longest a measurement may take').argParser(Number).default(8))
  .parse()
  .opts<Options>();

async function startFaktory(): Promise<RunningFaktory> {
  if (options.faktory === 'embedded') return startEmbeddedFaktory();
  if (!realFaktoryAvailable()) {
    console.error(
      `the real Faktory is not to be had (${whyNoRealFaktory()}); --faktory embedded needs nothing`,
    );
    process.exit(1);
  }
  return startRealFaktory();
}

await using faktory = await startFaktory();
console.log(`Faktory ${faktory.version}, Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}`);
console.log(
  `${options.rounds} rounds, ${options.jobs} jobs or ${options.seconds} s each; a progress line per figure\n`,
);

const figures = new Map<string, Figure[]>();
for (let round = 1; round <= options.rounds; round += 1) {
  for (const roundTripMs of options.roundTrip) {
    await using relay = await startRelayProcess(faktory.url, { delayMs: roundTripMs / 2 });
    for (const concurrency of options.concurrency) {
      for (const peer of options.peers) {
        const figure = await measure({
          ...options,
          peer,
          concurrency,
          url: relay.url,
          directUrl: faktory.url,
        });
        const key = JSON.stringify([roundTripMs, concurrency, peer]);
        figures.set(key, [...(figures.get(key) ?? []), figure]);
        const { jobsPerSecond, cpuMicrosPerJob } = figure;
        console.log(
          `round ${round}: ${roundTripMs} ms, ${concurrency} slots, ${peer}: ${jobsPerSecond.toFixed(0)} jobs/s, ${cpuMicrosPerJob.toFixed(1)} µs`,
        );
      }
    }
  }
}

const rows = [...figures].map(([key, found]) => {
  const [roundTripMs, concurrency, peer] = JSON.parse(key) as [number, number, string];
  const rate = show(spreadOf(found.map((figure) => figure.jobsPerSecond)));
  const cpu = show(spreadOf(found.map((figure) => figure.cpuMicrosPerJob)), 1);
  return [`${roundTripMs} ms`, String(concurrency), peer, rate, cpu];
});
console.log(
  `\n${markdown(['round trip', 'slots', 'worker', 'jobs/s, median (min to max)', 'CPU µs a job'], rows)}`,
);
