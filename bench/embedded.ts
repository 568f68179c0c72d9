/**
 * The embedded Faktory's own figures: `npm run build && npx jiti bench/embedded.ts [rounds]`. It runs in a process of
 * its own, a fresh one each round; worker and pushers are in others. Prints; asserts nothing.
 *
 * - FETCH + ACK: no-op jobs through our Worker, 50 and 500 slots, WORKER_PREFETCH=0.
 * - pushes: jobs through our Client (`enqueue`, PUSHB of 100), and PUSHBs of 1,000 prepared beforehand and pipelined on
 *   one plain socket, which is what the server alone can take.
 * - memory: its resident memory with a million small jobs queued, less what it was before, and at that moment in all.
 */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { Client } from 'millrace';
import { startEmbeddedFaktory } from '../test/helpers/embedded-faktory.ts';
import type { RunningFaktory } from '../test/helpers/faktory-process.ts';
import { measure } from './cell.ts';
import { MILLRACE_LOOPS } from './peers.ts';
import { perSecond, pushPlain } from './plain-push.ts';
import { markdown, show, spreadOf } from './table.ts';

const ROUNDS = Number(process.argv[2] ?? 5);
const WORK_JOBS = 300_000;
const PUSH_JOBS = 200_000;
const MEMORY_JOBS = 1_000_000;

const figures = new Map<string, number[]>();

function note(name: string, value: number): void {
  figures.set(name, [...(figures.get(name) ?? []), value]);
  console.log(`${name}: ${value.toLocaleString('en-US', { maximumFractionDigits: 1 })}`);
}

async function work(faktory: RunningFaktory, concurrency: number): Promise<void> {
  const { url } = faktory;
  const place = { url, directUrl: url };
  const cell = { peer: MILLRACE_LOOPS, place, concurrency, jobs: WORK_JOBS, seconds: 20 };
  const { jobsPerSecond, cpuMicrosPerJob } = await measure(cell);
  note(`FETCH + ACK, ${concurrency} slots, jobs/s`, jobsPerSecond);
  note(`worker CPU at ${concurrency} slots, µs a job`, cpuMicrosPerJob);
}

async function pushByClient({ url }: RunningFaktory): Promise<void> {
  await using client = new Client({ url, logger: false });
  await client.send(['FLUSH']);
  const start = performance.now();
  for (let i = 0; i < PUSH_JOBS; i += 1) await client.enqueue({ jobtype: 'noop', args: [i] });
  await client.flush();
  note('pushes through our Client, jobs/s', perSecond(PUSH_JOBS, start));
  await client.send(['FLUSH']);
}

/** Resident memory of a process, in MiB. */
function residentMiB(pid: number): number {
  const kB = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kB) / 1024;
}

async function queued({ url }: RunningFaktory): Promise<number> {
  await using client = new Client({ url, logger: false });
  const info = (await client.info()) as unknown as { faktory: { total_enqueued: number } };
  return info.faktory.total_enqueued;
}

async function memory(): Promise<void> {
  await using faktory = await startEmbeddedFaktory();
  const before = residentMiB(faktory.pid);
  for (let at = 0; at < MEMORY_JOBS; at += 100_000) await pushPlain(faktory, 100_000);
  const after = residentMiB(faktory.pid);
  const stored = await queued(faktory);
  if (stored !== MEMORY_JOBS) throw new Error(`${stored} jobs are queued, not ${MEMORY_JOBS}`);
  note('a million small jobs, MiB more than empty', after - before);
  note('the whole process then, MiB', after);
}

console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}`);
for (let round = 1; round <= ROUNDS; round += 1) {
  console.log(`\nround ${round} of ${ROUNDS}`);
  await using faktory = await startEmbeddedFaktory();
  for (const concurrency of [50, 500]) await work(faktory, concurrency);
  await pushByClient(faktory);
  note('PUSHB of 1,000 on one socket, jobs/s', await pushPlain(faktory, PUSH_JOBS));
  await faktory.stop();
  await memory();
}
const rows = [...figures].map(([name, values]) => [name, show(spreadOf(values), /CPU/.test(name) ? 1 : 0)]);
console.log(`\n${markdown(['embedded Faktory', `median of ${ROUNDS} (min to max)`], rows)}`);
