/**
 * `npm run bench:reducer`: the document's `add` jobs, whose sums are reduced at RESULT_MAX_SIZE=100; TARGETS.md section 4,
 * row 4. On the embedded Faktory 10,000 jobs a second are pushed, whatever becomes of them; on the real one all lie there
 * before. Worker, Faktory and pusher are processes of their own. Prints, asserts only that no result is lost or twice.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { Client } from 'millrace';
import { startEmbeddedFaktory } from '../test/helpers/embedded-faktory.ts';
import { startNode, stopAllProcesses } from '../test/helpers/process.ts';
import { startRealFaktory } from '../test/helpers/real-faktory.ts';
import { markdown, show, spreadOf } from './table.ts';
import { machine } from './versions.ts';

const WORKER = fileURLToPath(new URL('./reducer-worker.mjs', import.meta.url));
const WAYS = ['embedded, pushed at a rate', 'real, as fast as it goes'] as const;
type Way = (typeof WAYS)[number];
const PATIENCE_MS = 300_000;
const TICK_MS = 5;

interface Figure {
  pushedPerSecond: number;
  jobsPerSecond: number;
  callsPerSecond: number;
  resultsPerCall: number;
  cpuMicros: number;
  /** From when the last job is stored to when its result is reduced. */
  behindMs: number;
}

/** What the worker prints. */
interface Told {
  readonly total: number;
  readonly results: number;
  readonly calls: number;
  readonly seconds: number;
  readonly cpuMicros: number;
}

interface Options {
  rounds: number;
  rate: number;
  seconds: number;
  jobs: number;
}

const { rounds, rate, seconds, jobs } = new Command('bench:reducer')
  .addOption(new Option('--rounds <n>', 'rounds; medians are printed').argParser(Number).default(5))
  .addOption(new Option('--rate <n>', 'jobs a second, embedded').argParser(Number).default(10_000))
  .addOption(new Option('--seconds <n>', 'for so long').argParser(Number).default(15))
  .addOption(new Option('--jobs <n>', 'jobs on the real one').argParser(Number).default(100_000))
  .parse()
  .opts<Options>();

/** Jobs a second that were pushed; as many as are due each moment, or with no rate all of them. */
async function push(url: string, count: number, perSecond = Number.POSITIVE_INFINITY): Promise<number> {
  await using client = new Client({ url, logger: false });
  const start = performance.now();
  for (let pushed = 0; pushed < count; ) {
    const due = Math.min(count, Math.ceil(((performance.now() - start) / 1_000) * perSecond) || 1);
    for (; pushed < due; pushed += 1) {
      await client.enqueue({ jobtype: 'add', queue: 'additions', args: [pushed, 1] });
    }
    await pause(TICK_MS);
  }
  await client.flush();
  return (count * 1_000) / (performance.now() - start);
}

async function measure(way: Way): Promise<Figure> {
  const isEmbedded = way === WAYS[0];
  await using faktory = isEmbedded ? await startEmbeddedFaktory() : await startRealFaktory();
  const count = isEmbedded ? rate * seconds : jobs;
  let pushedPerSecond = isEmbedded ? 0 : await push(faktory.url, count);
  const env = { FAKTORY_URL: faktory.url, JOBS: String(count), RESULT_MAX_SIZE: '100' };
  await using worker = startNode(WORKER, [], { env });
  if (isEmbedded) {
    await worker.waitForLine(/^working$/);
    pushedPerSecond = await push(faktory.url, count, rate);
  }
  const pushedAt = performance.now();
  const [line] = await worker.waitForLine(/^\{.*"cpuMicros".*$/, { timeoutMs: PATIENCE_MS });
  const behindMs = performance.now() - pushedAt;
  const told = JSON.parse(line) as Told;
  // 0 + 1, 1 + 1, and so on.
  const expected = (count * (count + 1)) / 2;
  if (told.total !== expected) throw new Error(`the total is ${told.total} and should be ${expected}`);
  await worker.waitForExit({ timeoutMs: 30_000 });
  return {
    pushedPerSecond,
    jobsPerSecond: told.results / told.seconds,
    callsPerSecond: told.calls / told.seconds,
    resultsPerCall: told.results / told.calls,
    cpuMicros: told.cpuMicros / told.results,
    behindMs,
  };
}

try {
  console.log(machine('1.10.0'));
  const figures = new Map<Way, Figure[]>(WAYS.map((way) => [way, []]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const way of WAYS) {
      const figure = await measure(way);
      figures.get(way)!.push(figure);
      console.error(`round ${round}, ${way}: ${JSON.stringify(figure)}`);
    }
  }
  const rows = (
    [
      ['pushed, jobs/s', 'pushedPerSecond', 0],
      ['reduced, jobs/s', 'jobsPerSecond', 0],
      ['calls of the reducer a second', 'callsPerSecond', 0],
      ['results a call', 'resultsPerCall', 1],
      ["the worker's CPU, µs a job", 'cpuMicros', 1],
      ['last result after the last push, ms', 'behindMs', 0],
    ] as const
  ).map(([what, key, digits]) => [
    what,
    ...WAYS.map((way) => show(spreadOf(figures.get(way)!.map((figure) => figure[key])), digits)),
  ]);
  console.log(`\n${markdown([`median of ${rounds} (min to max)`, ...WAYS], rows)}`);
} finally {
  await stopAllProcesses();
}
