/** What a sweep came to: as JSON, and as a table of texts. Pure. */
import { type BoundKind, classify, type Figure, littlesBound, type Verdict } from './classify.ts';

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
  readonly jobTimeMs: number;
  /** What the link carries, in kB/s, where that was said. */
  readonly bandwidth: number | null;
  /** Measurements that were asked for: there are fewer if it was ended early. */
  readonly cellsAsked: number;
}

export interface Result extends Figure {
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

export function resultsOf(setting: Setting, figures: readonly Figure[]): Results {
  const bandwidth = setting.bandwidth === null ? undefined : setting.bandwidth * 1000;
  const cells = figures.map((figure): Result => {
    const bound = littlesBound(figure);
    return {
      ...figure,
      littlesBound: Number.isFinite(bound) ? bound : null,
      bound: classify(figure, figures, bandwidth),
    };
  });
  return { ...setting, cells };
}

export const HEADER: readonly string[] = [
  'added ms',
  'slots',
  'prefetch',
  'jobs/s',
  "Little's bound",
  'CPU µs/job',
  'bytes/job',
  'bound by',
];

export function rowOf(cell: Result): string[] {
  return [
    String(cell.latencyMs),
    String(cell.concurrency),
    String(cell.prefetch),
    number(cell.jobsPerSecond),
    cell.littlesBound === null ? 'none' : number(cell.littlesBound),
    number(cell.cpuMicrosPerJob, 1),
    number(cell.bytesPerJob),
    `${BOUND_NAMES[cell.bound.kind]}: ${cell.bound.because}`,
  ];
}

/** For a terminal: numbers to the right, the last column as long as it is. */
export function textTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, i) => Math.max(...all.map((cells) => cells[i]!.length)));
  const last = header.length - 1;
  const lines = all.map((cells) =>
    cells.map((cell, i) => (i === last ? cell : cell.padStart(widths[i]!))).join('  '),
  );
  return lines.join('\n');
}

/** `1,234`, of small ones two digits at least. */
export function number(value: number, digits = value < 10 ? 1 : 0): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: digits, minimumFractionDigits: digits });
}
