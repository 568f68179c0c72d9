/** Rounds over all rows, and the table. */
import type { FaktoryVersion } from '../../test/helpers/real-faktory.ts';
import { LeftOut, preparePeers } from '../peers.ts';
import { markdown, show, spreadOf } from '../table.ts';
import { machine } from '../versions.ts';
import { anyConcurrency } from './any-concurrency.ts';
import { bytes } from './bytes.ts';
import { emptyQueue } from './empty-queue.ts';
import { fewJobs } from './few-jobs.ts';
import { firstJob } from './first-job.ts';
import { install } from './install.ts';
import { littlesBound } from './littles-bound.ts';
import { memoryOfSlots } from './memory-of-slots.ts';
import { near } from './near.ts';
import { overTheWay } from './over-the-way.ts';
import { realFar } from './real-far.ts';
import { realNear } from './real-near.ts';
import type { Line, Row } from './row.ts';
import { sockets } from './sockets.ts';
import { waiting } from './waiting.ts';

export interface RowsOptions {
  readonly only?: readonly string[];
  readonly rounds: number;
  readonly faktoryVersion: FaktoryVersion;
  readonly peers: readonly string[];
  readonly minute: number;
}

/** In the order of the table. */
const ROWS: readonly Row[] = [
  realNear,
  realFar,
  near,
  overTheWay,
  littlesBound,
  sockets,
  emptyQueue,
  memoryOfSlots,
  firstJob,
  fewJobs,
  anyConcurrency,
  waiting,
  install,
  bytes,
];

export async function runRows(options: RowsOptions): Promise<void> {
  const rows = chosen(options.only);
  console.log(machine(options.faktoryVersion));
  const peers = rows.some((row) => row === realNear || row === realFar)
    ? await preparePeers(options.peers)
    : [];
  const minutes = (options.rounds * rows.reduce((sum, { takes }) => sum + takes, 0)) / 60;
  console.log(`${options.rounds} rounds, about ${minutes.toFixed(0)} minutes; a progress line per figure`);

  const found = new Map<string, { line: Line; values: number[] }>();
  const failed = new Map<Row, string>();
  for (let round = 1; round <= options.rounds; round += 1) {
    console.log(`\nround ${round} of ${options.rounds}`);
    const note = (line: Line, value: number): void => {
      const key = `${line.row} ${line.what}`;
      const values = [...(found.get(key)?.values ?? []), value];
      found.set(key, { line, values });
      console.log(`  ${line.row.padStart(2)}  ${line.what}: ${number(value, line.digits)}`);
    };
    for (const row of rows) {
      if (failed.has(row)) continue;
      try {
        await row.measure({ ...options, peers, note });
      } catch (error) {
        failed.set(row, error instanceof Error ? error.message : String(error));
        if (!(error instanceof LeftOut)) process.exitCode = 1;
        console.log(`LEFT OUT: row ${row.ids.join(', ')}: ${failed.get(row)}`);
      }
    }
  }
  const lines = [...found.values()].map(({ line: { row, what, target, digits }, values }) => [
    row,
    what,
    target,
    show(spreadOf(values), digits),
  ]);
  console.log(`\n${markdown(['row', 'what', 'target', 'reached: median (min to max)'], lines)}`);
}

function chosen(only: readonly string[] | undefined): readonly Row[] {
  const unknown = only?.filter((id) => !ROWS.some(({ ids }) => ids.includes(id))) ?? [];
  if (unknown.length > 0) {
    const known = ROWS.flatMap(({ ids }) => ids).join(', ');
    throw new Error(`no such row: ${unknown.join(', ')}; there are ${known}`);
  }
  return only === undefined ? ROWS : ROWS.filter(({ ids }) => ids.some((id) => only.includes(id)));
}

function number(value: number, digits = 0): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}
