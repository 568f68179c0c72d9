/**
 * `npm run soak:order`: what test/faults/order.test.ts does for half a minute, for as long as you like. The order is
 * proved at the end, once all jobs have run. `npm run soak:order -- --help`.
 */
import { copyFileSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { messageOf } from '../../src/errors.ts';
import { stopAllProcesses } from '../helpers/process.ts';
import { realFaktoryAvailable, whyNoRealFaktory } from '../helpers/real-faktory.ts';
import { Ledger } from './ledger.ts';
import { ACTS, mix } from './order-mix.ts';
import { type OrderStage, setOrderStage } from './order-stage.ts';

const PROGRESS_MS = 10_000;
const WORKERS = 3;
const WAIT_MS = 600_000;

interface Options {
  seconds: number;
  keys: number;
  every: number;
  ttl: number;
  rest: number;
  seed?: number;
}

const options = new Command('soak:order')
  .description(
    'keyed jobs through several workers while all goes wrong by turns, and the proof that their order held',
  )
  .option('--seconds <n>', `of faults: ${Object.keys(ACTS).join(', ')}`, Number, 1_800)
  .option('--keys <n>', 'keys that jobs are pushed of', Number, 24)
  .option('--every <ms>', 'between two jobs of a key', Number, 200)
  .option('--ttl <ms>', 'how long a lease lives', Number, 2_000)
  .option('--rest <ms>', 'the longest between two faults', Number, 20_000)
  .option('--seed <n>', 'of the order of the faults, to have it again', Number)
  .addHelpText(
    'after',
    '\nExit codes: 0 the order held, 1 it did not or a job never ran, 130 and 143 interrupted.',
  )
  .parse()
  .opts<Options>();

if (!realFaktoryAvailable()) {
  console.error(`the soak needs the real Faktory, which is not to be had: ${whyNoRealFaktory()}`);
  process.exit(1);
}
if (options.seed !== undefined) process.env.MILLRACE_SEED = String(options.seed);

const interrupted = new AbortController();
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => {
    interrupted.abort();
    console.error(`${signal}: everything is being ended`);
    void stopAllProcesses().finally(() => process.exit(code));
  });
}

process.exitCode = await soak(options);
await stopAllProcesses();
process.exit();

async function soak({ seconds, keys, every, ttl, rest }: Options): Promise<number> {
  using ledger = new Ledger({ row: 36, name: `order, ${seconds} s of everything` });
  console.log(
    `${keys} keys, a job of each every ${every} ms, ${WORKERS} workers, leases of ${ttl} ms, faults for ${seconds} s, ` +
      `seed ${ledger.seed}\n${Object.keys(ACTS).join(', ')}: by turns\n`,
  );
  await using order = await setOrderStage(ledger, { ttlMs: ttl });
  try {
    await run(order, { seconds, keys, every, rest });
    console.log(`\nthe order held: ${order.starts.length} starts, seed ${ledger.seed}`);
    return 0;
  } catch (error) {
    if (interrupted.signal.aborted) return new Promise<number>(() => {});
    const folder = keep(order);
    console.error(
      `\n${messageOf(error)}\nseed ${ledger.seed}; the log of the handlers and those of the workers are in ${folder}`,
    );
    return 1;
  }
}

async function run(order: OrderStage, { seconds, keys, every, rest }: Omit<Options, 'ttl' | 'seed'>) {
  const began = performance.now();
  let doing = 'starting';
  let acts = 0;
  const progress = setInterval(() => {
    const passed = Math.round((performance.now() - began) / 1_000);
    const { ledger, waiting, skips, workerCount } = order;
    console.log(
      `${passed} s: ${doing}; ${acts} faults, ${ledger.acceptedCount} jobs stored, ${waiting} of them wait, ` +
        `${workerCount} workers, ${skips.length} gaps gone on without`,
    );
  }, PROGRESS_MS);
  try {
    const workers = await Promise.all(Array.from({ length: WORKERS }, () => order.startWorker()));
    const load = order.keepPushing(keys, every);
    await order.untilAllRun(0);
    const onAct = (name: string): void => {
      doing = name;
      acts += 1;
    };
    const counts = await mix({ order, workers, seconds, restMs: rest, onAct, signal: interrupted.signal });
    doing = 'waiting for what the dead had reserved';
    order.ledger.cleared();
    await load.stop();
    for (const [name, count] of counts) order.ledger.note(name, count);
    await order.settle({ timeoutMs: WAIT_MS, maySkip: true });
  } finally {
    clearInterval(progress);
  }
}

/** All that there is to see what became of a job. */
function keep({ ledger, stage }: OrderStage): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-order-'));
  copyFileSync(ledger.file, join(folder, 'handlers.log'));
  for (const { process: worker } of stage.workers)
    writeFileSync(join(folder, `worker-${worker.pid}.log`), `${worker.output}\n`);
  return folder;
}
