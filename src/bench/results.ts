/** What a sweep came to: as JSON, and as a table of texts. Pure. */
import { type BoundKind, classify, type Figure, littlesBound, type Verdict } from './classify.ts';
import { type Spread, type Summary, summariesOf } from './rounds.ts';

/** How and where it was measured. */
export interface Setting {
  readonly millrace: string;
  readonly node: string;
  readonly cores: number;
  readonly cpu: string;
  /** `embedded`, or its address without the password. */
  readonly faktory: string;
  readonly startedAt: string;
  readonly jobs: number;
  readonly seconds: number;
  readonly rounds: number;
  readonly jobTimeMs: number;
  /** What the link carries, in kB/s, where that was said. */
  readonly bandwidth: number | null;
  /** Cells that were asked for: there are fewer, or fewer rounds of the last, if it was ended early. */
  readonly cellsAsked: number;
}

export interface Result extends Summary {
  /** In jobs/s. null: none, with prefetch and a handler that takes no time. */
  readonly littlesBound: number | null;
  readonly bound: Verdict;
}

export interface Results extends Setting {
  readonly cells: readonly Result[];
}

export const BOUND_NAMES: Readonly<Record<BoundKind, string>> = {
  latency: 'latency-bound',
  handlers: 'handler-bound',
  bandwidth: 'bandwidth-bound',
  cpu: 'CPU-bound',
  machine: 'CPU-bound',
  server: 'server-bound',
  relay: 'relay-bound',
  unknown: 'not clear',
};

/** `figures`: one a measurement. */
export function resultsOf(setting: Setting, figures: readonly Figure[]): Results {
  const bandwidth = setting.bandwidth === null ? undefined : setting.bandwidth * 1000;
  const summaries = summariesOf(figures);
  const cells = summaries.map((summary): Result => {
    const bound = littlesBound(summary);
    return {
      ...summary,
      littlesBound: Number.isFinite(bound) ? bound : null,
      bound: classify(summary, summaries, bandwidth),
    };
  });
  return { ...setting, cells };
}

export interface Table {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

interface Column {
  readonly name: string;
  readonly text: (cell: Result) => string;
}

/** What bounds it comes last, since it is as long as it is. The spread of the rate; JSON and plots have the others. */
export function tableOf({ cells, rounds }: Results): Table {
  const spread: Column = { name: 'from–to', text: ({ spread }) => range(spread.jobsPerSecond) };
  const columns: Column[] = [
    { name: 'added ms', text: (cell) => String(cell.latencyMs) },
    { name: 'slots', text: (cell) => number(cell.concurrency, 0) },
    { name: 'prefetch', text: (cell) => String(cell.prefetch) },
    { name: 'jobs/s', text: (cell) => number(cell.jobsPerSecond) },
    ...(rounds > 1 ? [spread] : []),
    {
      name: "Little's bound",
      text: (cell) => (cell.littlesBound === null ? 'none' : number(cell.littlesBound)),
    },
    { name: 'CPU µs/job', text: (cell) => number(cell.cpuMicrosPerJob, 1) },
    { name: 'bytes/job', text: (cell) => number(cell.bytesPerJob) },
    { name: 'bound by', text: ({ bound }) => `${BOUND_NAMES[bound.kind]}: ${bound.because}` },
  ];
  return {
    header: columns.map(({ name }) => name),
    rows: cells.map((cell) => columns.map(({ text }) => text(cell))),
  };
}

/** For a terminal: numbers to the right, the last column as long as it is. */
export function textTable({ header, rows }: Table): string {
  const all = [header, ...rows];
  const widths = header.map((_, i) => Math.max(...all.map((cells) => cells[i]!.length)));
  const last = header.length - 1;
  const lines = all.map((cells) =>
    cells.map((cell, i) => (i === last ? cell : cell.padStart(widths[i]!))).join('  '),
  );
  return lines.join('\n');
}

function range({ least, most }: Spread): string {
  return `${number(least)}–${number(most)}`;
}

/** `1,234`, of small ones two digits at least. */
export function number(value: number, digits = value < 10 ? 1 : 0): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: digits, minimumFractionDigits: digits });
}
