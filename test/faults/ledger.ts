/** What a fault test counts: each job that was submitted, what Faktory said of it, and each run of its handler. */
import { randomInt } from 'node:crypto';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMillraceError } from '../../src/errors.ts';
import { type Seeded, seeded } from '../protocol/seeded.ts';

export interface LedgerOptions {
  /** Of the fault matrix, RELIABILITY.md. */
  readonly row: number;
  /** What was done, in a few words; with the row it names the figures. */
  readonly name: string;
}

/** The figures of one test. */
export interface LedgerReport {
  readonly row: number;
  readonly name: string;
  readonly seed: number;
  /** Pushes that Faktory acknowledged. */
  readonly accepted: number;
  /** Pushes of which the client could not say whether they are stored. */
  readonly unknown: number;
  /** Pushes that were certainly not stored. */
  readonly refused: number;
  /** Accepted jobs that ran to their end at least once. */
  readonly executed: number;
  /** Jobs whose handler was started more than once. */
  readonly twice: number;
  /** Starts beyond the first, of all jobs together. */
  readonly extraRuns: number;
  /** Accepted jobs that neither ran to their end nor went to Dead. */
  readonly lost: number;
  /** Accepted jobs that went to Dead. */
  readonly dead: number;
  /** From `cleared()` to the first start of a handler after it. */
  readonly recoveryMs: number | undefined;
  /** Refused jobs that ran all the same: a client that says "not stored" of what is stored. Must be 0. */
  readonly ghosts: number;
  /** Pushes that were never answered (I3). Must be 0. */
  readonly open: number;
  /** What else the test has measured. */
  readonly notes: Readonly<Record<string, string | number>>;
}

/** One start or end of a handler. */
export interface Run {
  readonly what: 'start' | 'end';
  /** The job's first jid (`ctx.id`): the same over hand-backs. */
  readonly id: string;
  /** Of the clock on the wall, in ms. */
  readonly at: number;
  readonly pid: number;
}

/**
 * The ledger of one test. Submissions are written down by the test, runs by the handlers themselves, each with one
 * synchronous append to `file`, so that even SIGKILL loses none (handlers.mjs). Dispose of it, or call `settle()`.
 *
 *     using ledger = new Ledger({ row: 14, name: 'half-open, 5 s' });
 */
export class Ledger implements Disposable {
  readonly row: number;
  readonly name: string;
  readonly #seeded: Seeded;
  readonly #folder: string;
  /** The handlers' side: give its name to a worker's process as LEDGER. */
  readonly file: string;
  readonly #accepted = new Set<string>();
  readonly #unknown = new Set<string>();
  readonly #refused = new Set<string>();
  readonly #dead = new Set<string>();
  readonly #notes: Record<string, string | number> = {};
  #open = 0;
  #cleared: number | undefined;

  constructor({ row, name }: LedgerOptions) {
    this.row = row;
    this.name = name;
    this.#seeded = seeded(Number(process.env.MILLRACE_SEED ?? randomInt(2 ** 31)));
    this.#folder = mkdtempSync(join(tmpdir(), 'millrace-ledger-'));
    this.file = join(this.#folder, 'runs');
    writeFileSync(this.file, '');
  }

  get seed(): number {
    return this.#seeded.seed;
  }

  /** From 0 up to 1, the same sequence for the same seed: MILLRACE_SEED=… repeats a run's choices. */
  random(): number {
    return this.#seeded.next();
  }

  /** A whole number from `min` to `max`, by the seed. */
  int(min: number, max: number): number {
    return this.#seeded.int(min, max);
  }

  /** Faktory has it. */
  accepted(jid: string): void {
    this.#accepted.add(jid);
  }

  /** Nobody can say whether Faktory has it. */
  unknown(jid: string): void {
    this.#unknown.add(jid);
  }

  /** Faktory certainly does not have it. */
  refused(jid: string): void {
    this.#refused.add(jid);
  }

  /** It has gone to Dead, with its failure. */
  dead(jid: string): void {
    this.#dead.add(jid);
  }

  /** Writes down what becomes of a push. Never rejects. */
  async follow(jid: string, push: Promise<unknown>): Promise<void> {
    this.#open += 1;
    try {
      await push;
      this.accepted(jid);
    } catch (error) {
      if (isMillraceError(error, 'DELIVERY_UNKNOWN')) this.unknown(jid);
      else this.refused(jid);
    } finally {
      this.#open -= 1;
    }
  }

  /** For handlers in the test's own process. */
  started(id: string): void {
    appendFileSync(this.file, `start ${id} ${Date.now()} ${process.pid}\n`);
  }

  ended(id: string): void {
    appendFileSync(this.file, `end ${id} ${Date.now()} ${process.pid}\n`);
  }

  /** The fault is gone: recovery counts from now. */
  cleared(): void {
    this.#cleared = Date.now();
  }

  /** Another figure for the line and for RELIABILITY.md: short words, as in "sockets at most". */
  note(what: string, figure: string | number): void {
    this.#notes[what] = figure;
  }

  /** When that was, by the clock on the wall. */
  get clearedAt(): number {
    return this.#cleared ?? Number.NaN;
  }

  get acceptedCount(): number {
    return this.#accepted.size;
  }

  get unknownCount(): number {
    return this.#unknown.size;
  }

  /** Every start and end so far, in their order. */
  runs(): Run[] {
    const lines = readFileSync(this.file, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => {
      const [what, id, at, pid] = line.split(' ');
      return { what: what as Run['what'], id: id!, at: Number(at), pid: Number(pid) };
    });
  }

  /** Accepted jobs that have not run to their end, nor gone to Dead. */
  missing(): string[] {
    const ended = idsOf(this.runs(), 'end');
    return [...this.#accepted].filter((jid) => !ended.has(jid) && !this.#dead.has(jid));
  }

  report(): LedgerReport {
    const runs = this.runs();
    const starts = countStarts(runs);
    const ended = idsOf(runs, 'end');
    const again = [...starts.values()].filter((count) => count > 1);
    const accepted = [...this.#accepted];
    const cleared = this.#cleared;
    const first = runs.find((run) => run.what === 'start' && cleared !== undefined && run.at >= cleared);
    return {
      row: this.row,
      name: this.name,
      seed: this.seed,
      accepted: accepted.length,
      unknown: this.#unknown.size,
      refused: this.#refused.size,
      executed: accepted.filter((jid) => ended.has(jid)).length,
      twice: again.length,
      extraRuns: again.reduce((sum, count) => sum + count - 1, 0),
      lost: accepted.filter((jid) => !ended.has(jid) && !this.#dead.has(jid)).length,
      dead: this.#dead.size,
      recoveryMs: first && cleared !== undefined ? first.at - cleared : undefined,
      ghosts: [...this.#refused].filter((jid) => starts.has(jid)).length,
      open: this.#open,
      notes: { ...this.#notes },
    };
  }

  /**
   * The end of the test's counting: prints one line, and writes the figures into the folder that MILLRACE_LEDGERS
   * names. Call it before the assertions, so that a test that fails has printed its seed.
   */
  settle(): LedgerReport {
    const report = this.report();
    console.log(lineOf(report));
    const folder = process.env.MILLRACE_LEDGERS;
    if (folder) {
      mkdirSync(folder, { recursive: true });
      const name = `${String(this.row).padStart(2, '0')}-${this.name.replace(/[^a-z0-9]+/gi, '-')}.json`;
      writeFileSync(join(folder, name), `${JSON.stringify(report, undefined, 2)}\n`);
    }
    return report;
  }

  /** Removes its file. */
  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A report in one line. */
export function lineOf(report: LedgerReport): string {
  const { row, name, seed, accepted, unknown, refused, executed, twice, lost, dead, recoveryMs } = report;
  const figures = { accepted, executed, 'executed twice': twice, lost, dead, unknown, refused };
  const all = {
    ...figures,
    ...(recoveryMs === undefined ? {} : { 'recovery ms': recoveryMs }),
    ...report.notes,
  };
  const text = Object.entries(all).map(([what, figure]) => `${what} ${figure}`);
  return `row ${row}, ${name}: seed ${seed}, ${text.join(', ')}`;
}

function countStarts(runs: readonly Run[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { what, id } of runs) if (what === 'start') counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

function idsOf(runs: readonly Run[], what: Run['what']): Set<string> {
  return new Set(runs.filter((run) => run.what === what).map((run) => run.id));
}
