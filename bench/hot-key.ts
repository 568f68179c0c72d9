/**
 * `npm run bench:hot-key`: all jobs of one key, in one of several partitions that a worker owns, on a real Faktory; and
 * beside them now and then a job of another key. TARGETS.md section 4, row 5: only the partition of the hot key waits.
 * Prints, asserts nothing.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { Client, Worker } from 'millrace';
import { stopAllProcesses } from '../test/helpers/process.ts';
import { startRealFaktory } from '../test/helpers/real-faktory.ts';
import { until } from '../test/helpers/until.ts';
import { startRedis } from './redis.ts';
import { markdown, show, spreadOf } from './table.ts';
import { machine } from './versions.ts';

const QUEUE = 'bench';
const OTHER_EVERY_MS = 50;
const HANDLERS_MS = [1, 10, 100];

interface Options {
  rounds: number;
  seconds: number;
  partitions: number;
}

const { rounds, seconds, partitions } = new Command('bench:hot-key')
  .addOption(new Option('--rounds <n>', 'rounds; medians are printed').argParser(Number).default(3))
  .addOption(
    new Option('--seconds <n>', 'about how long each measurement takes').argParser(Number).default(4),
  )
  .addOption(new Option('--partitions <n>', 'all of them owned by one worker').argParser(Number).default(4))
  .parse()
  .opts<Options>();

interface Figures {
  readonly jobsPerSecond: number;
  /** Median of the time from the push of a job of another key to its handler. */
  readonly otherMs: number;
}

let version = '';

async function measure(handlerMs: number): Promise<Figures> {
  await using faktory = await startRealFaktory();
  version = faktory.version;
  await using redis = await startRedis();
  const rules = { count: partitions, redisUrl: `redis://${redis.host}:${redis.port}` };
  await using client = new Client({ url: faktory.url, logger: false, partitions: rules });
  const jobs = Math.ceil((seconds * 1_000) / (handlerMs + 1));
  const push = (jobtype: string, partitionKey: string): Promise<string> =>
    client.enqueue({ jobtype, queue: QUEUE, args: [performance.now()], partitionKey });
  for (let i = 0; i < jobs; i += 1) await push('hot', 'hot');
  await client.flush();
  const at: number[] = [];
  const others: number[] = [];
  let done = 0;
  const worker = new Worker({
    url: faktory.url,
    queues: [QUEUE],
    concurrency: 100,
    logger: false,
    trapSignals: false,
    partitions: { ...rules, perPod: partitions },
  });
  worker.register('hot', async () => {
    await pause(handlerMs);
    done += 1;
    if (done === Math.floor(jobs / 5) || done === Math.floor(jobs * 0.9)) at.push(performance.now());
  });
  worker.register('other', (pushedAt: number) => void others.push(performance.now() - pushedAt));
  await worker.work();
  let i = 0;
  const timer = setInterval(() => void push('other', `key ${i++}`).catch(() => {}), OTHER_EVERY_MS);
  await until(() => at.length === 2, { timeoutMs: 120_000, everyMs: 20 });
  clearInterval(timer);
  await worker.stop();
  return {
    jobsPerSecond: ((Math.floor(jobs * 0.9) - Math.floor(jobs / 5)) * 1_000) / (at[1]! - at[0]!),
    otherMs: spreadOf(others).median,
  };
}

try {
  const rows: string[][] = [];
  for (const handlerMs of HANDLERS_MS) {
    const figures: Figures[] = [];
    for (let round = 0; round < rounds; round += 1) {
      figures.push(await measure(handlerMs));
      console.error(`round ${round + 1}, ${handlerMs} ms: ${JSON.stringify(figures.at(-1))}`);
    }
    const spread = (of: (each: Figures) => number, digits: number): string =>
      show(spreadOf(figures.map(of)), digits);
    rows.push([`${handlerMs} ms`, spread((f) => f.jobsPerSecond, 0), spread((f) => f.otherMs, 1)]);
  }
  console.log(machine(version));
  const heads = ['handler', 'jobs/s of the hot key', 'a job of another key starts after, ms'];
  console.log(markdown(heads, rows));
} finally {
  await stopAllProcesses();
}
