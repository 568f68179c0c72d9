/**
 * `npm run soak`: jobs over HTTP at a steady rate through real processes, a fault every few seconds, and every job
 * accounted for. Exit code 1 when an accepted job was lost. `npm run soak -- --help`.
 */
import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { stopAllProcesses } from '../../test/helpers/process.ts';
import { realFaktoryAvailable, whyNoRealFaktory } from '../../test/helpers/real-faktory.ts';
import { FAULTS, type Fault } from './faults.ts';
import { printReport, reportOf } from './report.ts';
import { type SoakOptions, soak } from './run.ts';

const { json, rtt, ...given } = new Command('soak')
  .option('--seconds <n>', 'of load with faults', Number, 60)
  .option('--warm-up <n>', 'seconds of load before, without faults: heaps find their size', Number, 30)
  .option('--rate <n>', 'jobs a second', Number, 1_000)
  .option('--every <n>', 'seconds from fault to fault', Number, 5)
  .option('--seed <n>', 'of the order of the faults', Number, randomInt(2 ** 31))
  .option('--rtt <ms>', 'round trip from the workers to Faktory', Number, 0)
  .option('--workers <n>', 'worker processes', Number, 3)
  .option('--concurrency <n>', 'slots of each', Number, 100)
  .option('--api-relay', 'the API, too, behind the relay that is cut and frozen', false)
  .option('--kill-faktory', 'SIGKILL of Faktory, too: up to one job a fetch lane may be lost', false)
  .addOption(new Option('--only <faults>', `of ${Object.keys(FAULTS).join(', ')}`).argParser(faultsOf))
  .option('--trace', 'keep all that Redis was told, with its times, to see what became of a job', false)
  .option('--keep', 'keep logs and files, also when nothing was lost', false)
  .option('--json <file>', 'write all figures there')
  .parse()
  .opts<Omit<SoakOptions, 'rttMs'> & { rtt: number; json?: string }>();
const options: SoakOptions = { ...given, rttMs: rtt };

if (!realFaktoryAvailable()) {
  console.error(`the soak needs the real Faktory, which is not to be had: ${whyNoRealFaktory()}`);
  process.exit(1);
}

const interrupted = new AbortController();
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => {
    process.exitCode = code;
    interrupted.abort(new Error(`${signal}: everything is being ended`));
    // What hangs is ended all the same, then and by the guards of test/helpers/guard.ts.
    setTimeout(() => void stopAllProcesses().finally(() => process.exit(code)), 10_000).unref();
  });
}

function faultsOf(text: string): Fault[] {
  const unknown = text.split(',').find((name) => !Object.hasOwn(FAULTS, name));
  if (unknown !== undefined) throw new InvalidArgumentError(`there is no fault ${unknown}.`);
  return text.split(',') as Fault[];
}

const { workers, concurrency, rate, seconds, every, seed } = options;
console.log(
  `Faktory 1.10.0, append-only; Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}\n` +
    `${rate} jobs/s for ${seconds} s after ${options.warmUp} s to warm up, ${workers} workers of ${concurrency} slots, ` +
    `round trip ${rtt} ms, a fault every ${every} s, seed ${seed}\n`,
);
try {
  const report = reportOf(options, await soak(options, interrupted.signal));
  printReport(report);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, undefined, 2)}\n`);
  process.exitCode = report.ok ? 0 : 1;
} catch (error) {
  if (!interrupted.signal.aborted) throw error;
  console.error(String(interrupted.signal.reason));
} finally {
  await stopAllProcesses();
}
process.exit();
