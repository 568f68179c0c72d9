/**
 * `npm run bench:http`: what the HTTP service and the producers must reach, a row each, beside what others do. Prints a
 * table; asserts nothing.
 */
import { Command, Option } from 'commander';
import { stopAllProcesses } from '../../test/helpers/process.ts';
import { FAKTORY_VERSIONS, type FaktoryVersion } from '../../test/helpers/real-faktory.ts';
import { LeftOut } from '../peers.ts';
import type { Line } from '../rows/row.ts';
import { markdown, show, spreadOf } from '../table.ts';
import { machine } from '../versions.ts';
import type { HttpRound, HttpRow } from './row.ts';
import { againstAPool } from './rows/against-a-pool.ts';
import { bulk } from './rows/bulk.ts';
import { idle } from './rows/idle.ts';
import { oneARequest } from './rows/one-a-request.ts';
import { probes } from './rows/probes.ts';
import { farProducer, lanes, slowLink } from './rows/producer.ts';
import { bombardment, saturation, sustained, tenThousand } from './rows/scenarios.ts';

/** In the order of the table. */
const ROWS: readonly HttpRow[] = [
  oneARequest,
  againstAPool,
  bulk,
  tenThousand,
  bombardment,
  sustained,
  saturation,
  idle,
  farProducer,
  lanes,
  slowLink,
  probes,
];

interface Options {
  readonly only?: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly slowJobs: number;
  readonly faktoryVersion: FaktoryVersion;
}

const program = new Command('bench:http')
  .option('--only <list>', 'ids of rows, 1 to 12', (text: string) => text.split(','))
  .addOption(new Option('--rounds <n>', 'rounds; medians are printed').argParser(Number).default(5))
  .addOption(
    new Option('--seconds <n>', 'of each measurement; row 6: twenty times as long')
      .argParser(Number)
      .default(3),
  )
  .addOption(
    new Option('--slow-jobs <n>', 'of row 11; its target is about 50,000').argParser(Number).default(2_000),
  )
  .addOption(
    new Option('--faktory-version <version>', 'which real Faktory')
      .choices(FAKTORY_VERSIONS)
      .default('1.10.0'),
  )
  .action((options: Options) => measureAll(options));

async function measureAll(options: Options): Promise<void> {
  const rows = ROWS.filter(
    ({ ids }) => options.only === undefined || ids.some((id) => options.only?.includes(id)),
  );
  console.log(machine(options.faktoryVersion));
  const found = new Map<string, { line: Line; values: number[] }>();
  const failed = new Set<HttpRow>();
  const note: HttpRound['note'] = (line, value) => {
    const values = [...(found.get(line.what)?.values ?? []), value];
    found.set(line.what, { line, values });
    const text = value.toLocaleString('en-US', { maximumFractionDigits: line.digits ?? 0 });
    console.log(`  ${line.row.padStart(2)}  ${line.what}: ${text}`);
  };
  for (let round = 1; round <= options.rounds; round += 1) {
    console.log(`\nround ${round} of ${options.rounds}`);
    for (const row of rows) {
      if (failed.has(row)) continue;
      try {
        await row.measure({ ...options, note });
      } catch (error) {
        failed.add(row);
        if (!(error instanceof LeftOut)) process.exitCode = 1;
        console.log(
          `LEFT OUT: row ${row.ids.join(', ')}: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    }
  }
  const lines = [...found.values()].map(({ line: { row, what, target, digits }, values }) => [
    ...[row, what, target],
    show(spreadOf(values), digits),
  ]);
  console.log(`\n${markdown(['row', 'what', 'target', 'reached: median (min to max)'], lines)}`);
}

try {
  await program.parseAsync();
} finally {
  await stopAllProcesses();
}
