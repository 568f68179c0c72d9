/**
 * `npm run bench:batch`: points stored in Postgres one by one and in batches of 500, by turns; TARGETS.md section 4, row
 * 3. One worker, ten slots, a real Faktory, and Postgres as it comes: each commit waits for its disk. Prints, asserts
 * nothing.
 */
import { Command, Option } from 'commander';
import { Client, Unrecoverable, Worker } from 'millrace';
import { Pool } from 'pg';
import { createTables, type Point, storePoint, storePoints } from '../examples/batch/points.ts';
import { type PostgresServer, startPostgres } from '../test/helpers/postgres-server.ts';
import { stopAllProcesses } from '../test/helpers/process.ts';
import { startRealFaktory } from '../test/helpers/real-faktory.ts';
import { until } from '../test/helpers/until.ts';
import { markdown, show, spreadOf } from './table.ts';
import { machine } from './versions.ts';

const SLOTS = 10;
const SIZE = 500;
const TRACKS = 1_000;
const WAYS = ['one by one', 'in batches'] as const;
type Way = (typeof WAYS)[number];

interface Figure {
  pointsPerSecond: number;
  /** In queries, as the worker waits for them. */
  queryMicros: number;
  stored: number;
  dead: number;
  perCall: number;
}

interface Options {
  rounds: number;
  points: number;
}

const { rounds, points } = new Command('bench:batch')
  .addOption(new Option('--rounds <n>', 'rounds; medians are printed').argParser(Number).default(5))
  .addOption(new Option('--points <n>', 'jobs, one in a hundred an orphan').argParser(Number).default(50_000))
  .parse()
  .opts<Options>();

function pointOf(n: number): Point {
  return { track: n % 100 === 99 ? TRACKS + 1 + n : (n % TRACKS) + 1, lat: 52, lon: 13 };
}

async function measure(way: Way, postgres: PostgresServer): Promise<Figure> {
  await using faktory = await startRealFaktory();
  const pool = new Pool({ connectionString: postgres.url, max: SLOTS });
  try {
    return await measureOn(way, faktory.url, pool);
  } finally {
    await pool.end();
  }
}

async function measureOn(way: Way, url: string, pool: Pool): Promise<Figure> {
  const connected = await Promise.all(Array.from({ length: SLOTS }, () => pool.connect()));
  for (const each of connected) each.release();
  let queryMs = 0;
  let calls = 0;
  const timed = async <T>(query: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    calls += 1;
    try {
      return await query();
    } finally {
      queryMs += performance.now() - start;
    }
  };
  await pool.query('drop table if exists points, tracks');
  await createTables(pool, TRACKS);
  await using client = new Client({ url, logger: false });
  const jobs = Array.from({ length: points }, (_, n) => ({
    jobtype: 'point',
    queue: 'points',
    args: [pointOf(n)],
  }));
  await client.pushBulk(jobs);

  const quiet = { url, logger: false, trapSignals: false } as const;
  await using worker = new Worker({ ...quiet, concurrency: SLOTS, queues: ['points'] });
  if (way === 'one by one') {
    worker.handle('point', async (ctx, point: Point) => {
      await timed(() => storePoint(pool, ctx.id, point)).catch((error: { code?: string }) => {
        throw error.code === '23503' ? new Unrecoverable('no such track', { cause: error }) : error;
      });
    });
  } else {
    worker.registerBatch('point', { maxSize: SIZE, maxDelayMs: 50 }, async (batch) => {
      const given = batch.map(({ id, args: [point] }) => ({ id, ...(point as Point) }));
      const orphans = await timed(() => storePoints(pool, given));
      return batch.map(({ id }) => (orphans.has(id) ? new Unrecoverable('no such track') : undefined));
    });
  }
  const start = performance.now();
  await worker.work();
  const ended = (): number => worker.stats().done + worker.stats().failed;
  await until(() => ended() >= points, { timeoutMs: 600_000 });
  const seconds = (performance.now() - start) / 1_000;
  const perCall = points / calls;
  await until(() => worker.stats().dead >= points / 100, { timeoutMs: 60_000 });
  const { rows } = await pool.query<{ n: number }>('select count(*)::int as n from points');
  const { dead } = worker.stats();
  await worker.stop();
  return {
    pointsPerSecond: points / seconds,
    queryMicros: (queryMs * 1_000) / points,
    stored: rows[0]!.n,
    dead,
    perCall,
  };
}

try {
  console.log(machine('1.10.0'));
  await using postgres = await startPostgres([]);
  const figures = new Map<Way, Figure[]>(WAYS.map((way) => [way, []]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const way of WAYS) {
      const figure = await measure(way, postgres);
      figures.get(way)!.push(figure);
      const { pointsPerSecond, queryMicros, stored, dead } = figure;
      console.log(
        `round ${round}, ${way}: ${pointsPerSecond.toFixed(0)} points/s, ${queryMicros.toFixed(1)} µs in queries a row; ${stored} stored, ${dead} in Dead`,
      );
    }
  }
  const of = (way: Way, key: keyof Figure): number[] => figures.get(way)!.map((figure) => figure[key]);
  const ratios = (key: keyof Figure): number[] =>
    of('one by one', key).map((alone, at) => alone / of('in batches', key)[at]!);
  const rows = (
    [
      ['points/s', 'pointsPerSecond', 0],
      ['µs in queries a row', 'queryMicros', 1],
      ['rows a call', 'perCall', 0],
      ['rows in the table', 'stored', 0],
      ['jobs in Dead', 'dead', 0],
    ] as const
  ).map(([what, key, digits]) => [what, ...WAYS.map((way) => show(spreadOf(of(way, key)), digits))]);
  console.log(`\n${markdown(['', ...WAYS], rows)}\n`);
  console.log(
    `database time a row, one by one ÷ in batches (target 10): ${show(spreadOf(ratios('queryMicros')), 1)}`,
  );
} finally {
  await stopAllProcesses();
}
