/** Every peer at several round trips and concurrencies, interleaved, so that a machine that drifts drifts for all. */
import type { FaktoryVersion } from '../test/helpers/real-faktory.ts';
import { type Cell, type Figure, measure } from './cell.ts';
import { preparePeers } from './peers.ts';
import { bestSecond, rateOfFirst, secondsToFullSpeed } from './ramp.ts';
import { type FaktoryKind, type RoundTrip, Stage, startFaktory } from './stage.ts';
import { markdown, show, spreadOf } from './table.ts';
import { machine } from './versions.ts';

export interface CompareOptions {
  readonly faktory: FaktoryKind;
  readonly faktoryVersion: FaktoryVersion;
  readonly rounds: number;
  readonly concurrency: readonly number[];
  readonly roundTrip: readonly RoundTrip[];
  readonly peers: readonly string[];
  readonly jobs: number;
  readonly seconds: number;
}

const HEADER = [
  'round trip',
  'slots',
  'worker',
  'jobs/s, median (min to max)',
  'CPU µs a job',
  'in its first 2 s',
  'best second',
  's to full speed',
];

export async function compare(options: CompareOptions): Promise<void> {
  const faktory = await startFaktory(options.faktory, options.faktoryVersion);
  console.log(machine(faktory.version));
  const peers = await preparePeers(options.peers);
  await using stage = await Stage.build(faktory, peers);
  console.log(
    `${options.rounds} rounds, ${options.jobs} jobs or ${options.seconds} s each; a progress line per figure\n`,
  );

  const figures = new Map<string, Figure[]>();
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const roundTrip of options.roundTrip) {
      await using ways = await stage.ways(roundTrip);
      for (const concurrency of options.concurrency) {
        for (const peer of peers) {
          const figure = await measured({ ...options, peer, concurrency, place: ways.to(peer) });
          if (figure === undefined) continue;
          const key = JSON.stringify([shown(roundTrip), concurrency, peer.name]);
          figures.set(key, [...(figures.get(key) ?? []), figure]);
          console.log(
            `round ${round}: ${shown(roundTrip)}, ${concurrency} slots, ${peer.name}: ${told(figure)}`,
          );
        }
      }
    }
  }
  console.log(`\n${markdown(HEADER, [...figures].map(rowOf))}`);
}

/** One that fails takes the others with it no more than one that is not here. */
async function measured(cell: Cell): Promise<Figure | undefined> {
  try {
    return await measure(cell);
  } catch (error) {
    console.log(`LEFT OUT: ${cell.peer.name}, this once: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
    return undefined;
  }
}

const shown = (roundTrip: RoundTrip): string => (roundTrip === 'direct' ? 'direct' : `${roundTrip} ms`);

function told({ jobsPerSecond, cpuMicrosPerJob, samples }: Figure): string {
  const full = secondsToFullSpeed(samples);
  return `${jobsPerSecond.toFixed(0)} jobs/s, ${cpuMicrosPerJob.toFixed(1)} µs, full speed after ${full.toFixed(1)} s`;
}

function rowOf([key, found]: [string, Figure[]]): string[] {
  const [roundTrip, concurrency, peer] = JSON.parse(key) as [string, number, string];
  const column = (of: (figure: Figure) => number, digits = 0): string =>
    show(spreadOf(found.map(of)), digits);
  return [
    roundTrip,
    String(concurrency),
    peer,
    column((figure) => figure.jobsPerSecond),
    column((figure) => figure.cpuMicrosPerJob, 1),
    column(({ samples }) => rateOfFirst(samples, 2_000)),
    column(({ samples }) => bestSecond(samples)),
    column(({ samples }) => secondsToFullSpeed(samples), 1),
  ];
}
