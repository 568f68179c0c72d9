/** What a load came to: as JSON, and as a table of texts. Pure. */
import { number, type Table } from '../bench/results.ts';
import type { ApiLoad } from './api-load.ts';
import type { Latency } from './percentile.ts';
import type { ScenarioName } from './scenarios.ts';
import type { Slice } from './tally.ts';

/** How and where it was measured. */
export interface Setting {
  readonly millrace: string;
  readonly node: string;
  readonly cores: number;
  readonly cpu: string;
  /** The URL of somebody's API; null: one that was started for it. */
  readonly api: string | null;
  /** `embedded`, its address without the password, or null where none was known. */
  readonly faktory: string | null;
  readonly startedAt: string;
  readonly connections: number;
}

/** Of an overload. */
export interface Overload {
  /** Jobs on their way to Faktory before callers must wait; null: another's API, it is not known. */
  readonly limit: number | null;
  readonly inFlight: number;
  /** 503, and how many of them said when to come again. */
  readonly refusedFull: number;
  readonly retryAfters: number;
  /** Of clients that came again after Retry-After: all there were, those taken at once, and those taken later. */
  readonly polite: { readonly sent: number; readonly accepted: number; readonly acceptedLater: number };
  /** What a probe at a low rate took before. */
  readonly usualP99: number | null;
  /** From the end of the overload until a probe was accepted within that again; null: it never was. */
  readonly recoveryMs: number | null;
}

export interface ScenarioResult {
  readonly name: ScenarioName;
  readonly title: string;
  readonly seconds: number;
  readonly sent: number;
  readonly accepted: number;
  readonly refused: number;
  readonly errors: number;
  /** Connections were cut on purpose before these were answered. */
  readonly cut: number;
  readonly byStatus: Readonly<Record<string, number>>;
  readonly acceptedPerSecond: number;
  /** From the request to the answer that accepts it, in ms. */
  readonly latency: Latency | null;
  readonly slices: readonly Slice[];
  readonly sliceMs: number;
  readonly api: ApiLoad | null;
  /** Part of a core that the generator of the load had: near 1, it is what bounded the rate. */
  readonly generatorCpu: number;
  /** Run by a worker of the load; null: there was none. */
  readonly executed: number | null;
  readonly dead: number | null;
  /** From the first request to the last job's run, in seconds. */
  readonly executedSeconds: number | null;
  /** From the request to the handler's start, in ms. */
  readonly endToEnd: Latency | null;
  readonly executedSlices: readonly Slice[];
  readonly overload: Overload | null;
  /** What does not add up. */
  readonly gaps: readonly string[];
}

export interface LeftOutScenario {
  readonly name: ScenarioName;
  readonly title: string;
  readonly leftOut: string;
}

export interface Results extends Setting {
  readonly scenarios: readonly ScenarioResult[];
  readonly leftOut: readonly LeftOutScenario[];
  readonly endedEarly: boolean;
}

const NONE = '–';

const COLUMNS: readonly { name: string; text: (result: ScenarioResult) => string }[] = [
  { name: 'scenario', text: ({ name }) => name },
  { name: 'sent', text: ({ sent }) => number(sent, 0) },
  { name: 'accepted', text: ({ accepted }) => number(accepted, 0) },
  { name: 'refused', text: ({ refused }) => number(refused, 0) },
  { name: 'executed', text: ({ executed }) => whole(executed) },
  { name: 'dead', text: ({ dead }) => whole(dead) },
  { name: 'jobs/s', text: ({ acceptedPerSecond }) => number(acceptedPerSecond, 0) },
  { name: 'p50 ms', text: ({ latency }) => ms(latency?.p50) },
  { name: 'p99 ms', text: ({ latency }) => ms(latency?.p99) },
  { name: 'to executed p50', text: ({ endToEnd }) => ms(endToEnd?.p50) },
  { name: 'p99', text: ({ endToEnd }) => ms(endToEnd?.p99) },
  { name: 'CPU', text: ({ api }) => (api === null ? NONE : percent(api.cpu)) },
  { name: 'memory MB', text: ({ api }) => (api === null ? NONE : megabytes(api.memoryMost)) },
  { name: 'what it came to', text: (result) => verdictOf(result) },
];

export function tableOf({ scenarios }: Results): Table {
  return {
    header: COLUMNS.map(({ name }) => name),
    rows: scenarios.map((result) => COLUMNS.map(({ text }) => text(result))),
  };
}

/** One sentence a scenario. */
export function verdictOf(result: ScenarioResult): string {
  if (result.gaps.length > 0) return `WRONG: ${result.gaps.join('; ')}`;
  const { executed, executedSeconds, overload } = result;
  if (overload !== null) {
    const { recoveryMs, polite } = overload;
    const after = `${polite.accepted} of ${polite.sent} that obeyed Retry-After were taken`;
    return `none lost; usual again ${ms(recoveryMs ?? undefined)} ms after it; ${after}`;
  }
  if (executed === null) return 'every request is accounted for';
  const took = executedSeconds === null ? '' : `, the last executed after ${number(executedSeconds, 1)} s`;
  return `every job is accounted for${took}`;
}

/** Whether all that ran adds up. */
export function isWhole({ scenarios, endedEarly }: Results): boolean {
  return !endedEarly && scenarios.every(({ gaps }) => gaps.length === 0);
}

export const percent = (part: number): string => `${number(part * 100, 0)}%`;
export const megabytes = (bytes: number): string => number(bytes / 1e6, 0);
export const ms = (value: number | undefined): string => (value === undefined ? NONE : number(value));
const whole = (value: number | null): string => (value === null ? NONE : number(value, 0));
