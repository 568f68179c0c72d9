/**
 * `npm run bench:partitions`: 64 partitions, one handler of 1 ms at a time in each, on a real Faktory 50 ms away, beside the
 * same jobs without partitions; TARGETS.md section 4, row 1. One worker; Redis as near as that to the worker. Prints,
 * asserts nothing.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { Client, Worker } from 'millrace';
import { stopAllProcesses } from '../test/helpers/process.ts';
import { startRealFaktory } from '../test/helpers/real-faktory.ts';
import { startRelayProcess } from '../test/helpers/relay-process.ts';
import { until } from '../test/helpers/until.ts';
import { startRedis } from './redis.ts';
import { markdown, show, spreadOf } from './table.ts';
import { machine } from './versions.ts';

const PARTITIONS = 64;
const SLOTS = 500;
const KEYS = 20_000;
const WAYS = ['without partitions', '64 partitions'] as const;
type Way = (typeof WAYS)[number];

let version = '';

interface Options {
  rounds: number;
  jobs: number;
  roundTrip: number;
}

const { rounds, jobs, roundTrip } = new Command('bench:partitions')
  .addOption(new Option('--rounds <n>', 'rounds; medians are printed').argParser(Number).default(5))
  .addOption(new Option('--jobs <n>', 'jobs of each measurement').argParser(Number).default(40_000))
  .addOption(new Option('--round-trip <ms>', 'to Faktory').argParser(Number).default(50))
  .parse()
  .opts<Options>();

/** Jobs a second between a fifth and nine tenths of them. */
async function measure(way: Way): Promise<number> {
  await using faktory = await startRealFaktory();
  version = faktory.version;
  await using redis = await startRedis();
  await using relay = await startRelayProcess(faktory.url, { delayMs: roundTrip / 2 });
  const partitions = {
    count: way === '64 partitions' ? PARTITIONS : 0,
    redisUrl: `redis://${redis.host}:${redis.port}`,
  };
  await using client = new Client({ url: faktory.url, logger: false, partitions });
  for (let i = 0; i < jobs; i += 1) {
    const job = { jobtype: 'wait', queue: 'bench', args: [i] };
    await client.enqueue(partitions.count > 0 ? { ...job, partitionKey: `key ${i % KEYS}` } : job);
  }
  await client.flush();
  let done = 0;
  const at: number[] = [];
  const worker = new Worker({
    url: relay.url,
    queues: ['bench'],
    concurrency: SLOTS,
    logger: false,
    trapSignals: false,
    partitions: { ...partitions, perPod: PARTITIONS },
  });
  worker.register('wait', async () => {
    await pause(1);
    done += 1;
    if (done === Math.floor(jobs / 5) || done === Math.floor(jobs * 0.9)) at.push(performance.now());
  });
  await worker.work();
  await until(() => done >= jobs * 0.9, { timeoutMs: 300_000, everyMs: 50 });
  await worker.stop();
  return (jobs * 0.7 * 1_000) / (at[1]! - at[0]!);
}

const figures = new Map<Way, number[]>(WAYS.map((way) => [way, []]));
try {
  for (let round = 0; round < rounds; round += 1) {
    for (const way of WAYS) {
      const perSecond = await measure(way);
      figures.get(way)!.push(perSecond);
      console.error(`round ${round + 1}, ${way}: ${Math.round(perSecond)} jobs/s`);
    }
  }
  console.log(machine(version));
  const rows = WAYS.map((way) => [way, show(spreadOf(figures.get(way)!), 0)]);
  const ratios = figures
    .get('64 partitions')!
    .map((each, i) => each / figures.get('without partitions')![i]!);
  rows.push(['64 partitions ÷ without (0.8 is the target)', show(spreadOf(ratios), 2)]);
  console.log(markdown(['1 ms handlers, jobs/s', `${roundTrip} ms`], rows));
} finally {
  await stopAllProcesses();
}
