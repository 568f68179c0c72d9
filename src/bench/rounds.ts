/** The rounds of a cell made one: medians, and how far they spread. Pure. */
import type { Figure } from './classify.ts';
import type { Cell } from './sweep.ts';

/** Least and most of all rounds. */
export interface Spread {
  readonly least: number;
  readonly most: number;
}

/** Those that are plotted and told with their spread. */
export const SPREAD_OF = ['jobsPerSecond', 'cpuMicrosPerJob', 'bytesPerJob'] as const;
export type SpreadKey = (typeof SPREAD_OF)[number];

/** Each number the median of its own over the rounds, of two the mean. */
export interface Summary extends Figure {
  /** As they were measured, one after another. */
  readonly rounds: readonly Figure[];
  readonly spread: Readonly<Record<SpreadKey, Spread>>;
}

/** Those that were measured, as many rounds of each as there were, in the order of their first. */
export function summariesOf(figures: readonly Figure[]): Summary[] {
  const byCell = new Map<string, Figure[]>();
  for (const figure of figures) {
    const key = cellKey(figure);
    byCell.set(key, [...(byCell.get(key) ?? []), figure]);
  }
  return [...byCell.values()].map(summaryOf);
}

const cellKey = ({ latencyMs, concurrency, prefetch }: Cell): string =>
  `${latencyMs} ${concurrency} ${prefetch}`;

function summaryOf(measured: readonly Figure[]): Summary {
  const [first] = measured as [Figure, ...Figure[]];
  // A round without any job has no CPU and no bytes per job; its rate, 0, is a figure.
  const withJobs = measured.filter(({ jobs }) => jobs > 0);
  const perJob = withJobs.length > 0 ? withJobs : measured;
  const of = (key: NumberKey): number => median(measured.map((figure) => figure[key]));
  const perJobOf = (key: NumberKey): number => median(perJob.map((figure) => figure[key]));
  return {
    latencyMs: first.latencyMs,
    concurrency: first.concurrency,
    prefetch: first.prefetch,
    jobs: of('jobs'),
    seconds: of('seconds'),
    jobsPerSecond: of('jobsPerSecond'),
    roundTripMs: of('roundTripMs'),
    handlerMs: perJobOf('handlerMs'),
    cpuMicrosPerJob: perJobOf('cpuMicrosPerJob'),
    bytesPerJob: perJobOf('bytesPerJob'),
    workerLoad: of('workerLoad'),
    relayLoad: of('relayLoad'),
    faktoryLoad: first.faktoryLoad === null ? null : median(measured.map((each) => each.faktoryLoad ?? 0)),
    machineLoad: of('machineLoad'),
    rounds: measured,
    spread: {
      jobsPerSecond: spreadOf(measured.map((figure) => figure.jobsPerSecond)),
      cpuMicrosPerJob: spreadOf(perJob.map((figure) => figure.cpuMicrosPerJob)),
      bytesPerJob: spreadOf(perJob.map((figure) => figure.bytesPerJob)),
    },
  };
}

type NumberKey = Exclude<keyof Figure, keyof Cell | 'faktoryLoad'>;

/** Of an even number of them the mean of the two in the middle. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return Number.isInteger(half) ? (sorted[half - 1]! + sorted[half]!) / 2 : sorted[Math.floor(half)]!;
}

const spreadOf = (numbers: readonly number[]): Spread => ({
  least: Math.min(...numbers),
  most: Math.max(...numbers),
});
