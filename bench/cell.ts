/** One measurement: a queue filled with no-op jobs, one peer in a process of its own, jobs/s and CPU per job. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Client } from 'millrace';

export interface Cell {
  peer: string;
  /** Where the peer finds Faktory, perhaps behind a relay. */
  url: string;
  /** Where the queue is filled, directly. */
  directUrl: string;
  concurrency: number;
  jobs: number;
  seconds: number;
}

export interface Figure {
  jobsPerSecond: number;
  cpuMicrosPerJob: number;
}

export async function measure(cell: Cell): Promise<Figure> {
  await fill(cell.directUrl, cell.jobs);
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL(`./peers/${cell.peer}.mjs`, import.meta.url))],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: process.env.PATH,
        FAKTORY_URL: cell.url,
        CONCURRENCY: String(cell.concurrency),
        JOBS: String(cell.jobs),
        SECONDS: String(cell.seconds),
      },
    },
  );
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const exited = once(child, 'close');
  const lastResort = setTimeout(() => child.kill('SIGKILL'), (cell.seconds + 20) * 1000);
  await exited;
  clearTimeout(lastResort);
  const line = output.trim().split('\n').at(-1) ?? '';
  if (!line.startsWith('{')) throw new Error(`${cell.peer} ended without a figure: ${output.slice(-200)}`);
  const { jobs, seconds, cpuMicros } = JSON.parse(line) as {
    jobs: number;
    seconds: number;
    cpuMicros: number;
  };
  return { jobsPerSecond: jobs / seconds, cpuMicrosPerJob: jobs === 0 ? Number.NaN : cpuMicros / jobs };
}

async function fill(url: string, jobs: number): Promise<void> {
  await using client = new Client({ url, logger: false });
  await client.send(['FLUSH']);
  for (let i = 0; i < jobs; i += 1) await client.enqueue({ jobtype: 'noop', args: [i], retry: 0 });
  await client.flush();
}
