/** One measurement: a queue filled with jobs that do nothing, one peer in a process of its own, jobs/s and CPU per job. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { fill } from './fill.ts';
import type { Peer } from './peers.ts';
import type { Sample } from './ramp.ts';

/** Where a peer finds Faktory, or its Redis. */
export interface Place {
  /** Perhaps behind a relay. */
  readonly url: string;
  /** Where the queue is filled, directly. */
  readonly directUrl: string;
}

export interface Cell {
  readonly peer: Peer;
  readonly place: Place;
  readonly concurrency: number;
  /** Ends the measurement when they are done. */
  readonly jobs: number;
  /** Or so long after the first of them. */
  readonly seconds: number;
  /** In the queue when the measurement is over, at least (default: enough that it never runs dry). */
  readonly left?: number;
  /** How long a handler waits; of millrace only. */
  readonly jobMs?: number;
}

export interface Figure {
  readonly jobsPerSecond: number;
  readonly cpuMicrosPerJob: number;
  readonly samples: readonly Sample[];
}

interface Told {
  readonly jobs: number;
  readonly seconds: number;
  readonly cpuMicros: number;
  readonly samples: readonly Sample[];
}

const BULLMQ_FILL = fileURLToPath(new URL('./peers/bullmq/fill.mjs', import.meta.url));
/** Until the first job, and to stop. */
const PATIENCE_S = 60;
const FILL_S = 120;

export async function measure(cell: Cell): Promise<Figure> {
  const { peer, place, concurrency, jobs, seconds } = cell;
  // Those that wait in sockets of the peer before, and those that are held at the end, come on top.
  const filled = jobs + (cell.left ?? 2_000 + 4 * concurrency);
  if (peer.store === 'faktory') await fill(place.directUrl, filled);
  else {
    const env = { REDIS_URL: place.directUrl, JOBS: String(filled) };
    await runProgram(process.execPath, [BULLMQ_FILL], env, FILL_S);
  }
  const output = await runProgram(
    peer.command,
    peer.args,
    {
      ...peer.env,
      ...(peer.store === 'faktory' ? { FAKTORY_URL: place.url } : { REDIS_URL: place.url }),
      CONCURRENCY: String(concurrency),
      JOBS: String(jobs),
      SECONDS: String(seconds),
      JOB_MS: String(cell.jobMs ?? 0),
    },
    seconds + PATIENCE_S,
  );
  const line = output.split('\n').findLast((text) => text.startsWith('{') && text.includes('"cpuMicros"'));
  if (line === undefined) throw new Error(`${peer.name} ended without a figure: ${output.slice(-200)}`);
  const told = JSON.parse(line) as Told;
  return {
    jobsPerSecond: told.jobs === 0 ? 0 : told.jobs / told.seconds,
    cpuMicrosPerJob: told.jobs === 0 ? Number.NaN : told.cpuMicros / told.jobs,
    samples: told.samples,
  };
}

/** Resolves to what it printed when it has ended well; it is killed after so many seconds. */
async function runProgram(
  command: string,
  args: readonly string[],
  env: Record<string, string>,
  seconds: number,
): Promise<string> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const lastResort = setTimeout(() => child.kill('SIGKILL'), seconds * 1000);
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
    if (code === 0) return output;
    throw new Error(`${[command, ...args].join(' ')} ended with ${signal ?? code}: ${output.slice(-200)}`);
  } finally {
    clearTimeout(lastResort);
  }
}
