/** Arithmetic of the soak's tables: percentiles, fault windows, recovery, memory. Pure. */
import { spreadOf } from '../table.ts';
import type { Happened } from './ledger.ts';

/** An answer over HTTP, by the clock on the wall, in ms. */
export interface Answer {
  /** When the request was made; if it had to wait for a socket, that counts. */
  readonly at: number;
  readonly ms: number;
}

export interface Latency {
  readonly answers: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** A fault is felt a little longer than it lasts. */
const AFTERMATH_MS = 1_000;

/** Those whose time lies wholly outside of every fault and its aftermath, and the others. */
export function splitByFaults(
  answers: readonly Answer[],
  faults: readonly Happened[],
): { outside: Answer[]; inside: Answer[] } {
  const isInside = ({ at, ms }: Answer): boolean =>
    faults.some(({ from, to }) => at <= to + AFTERMATH_MS && at + ms >= from);
  const [outside, inside]: [Answer[], Answer[]] = [[], []];
  for (const answer of answers) (isInside(answer) ? inside : outside).push(answer);
  return { outside, inside };
}

export function latencyOf(answers: readonly Answer[]): Latency {
  const sorted = answers.map(({ ms }) => ms).sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return { answers: sorted.length, p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? Number.NaN };
}

/** One second of the load. */
export interface Second extends Latency {
  readonly second: number;
  readonly executed: number;
}

/** Answers by the second in which they were asked for, and executions, counted from `zero`. */
export function secondsOf(answers: readonly Answer[], executedAt: readonly number[], zero: number): Second[] {
  const secondOf = (at: number): number => Math.floor((at - zero) / 1_000);
  const seconds = new Map<number, { asked: Answer[]; executed: number }>();
  for (const answer of answers) {
    const second = secondOf(answer.at);
    const found = seconds.get(second);
    if (found) found.asked.push(answer);
    else seconds.set(second, { asked: [answer], executed: 0 });
  }
  for (const at of executedAt) {
    const second = seconds.get(secondOf(at));
    if (second) second.executed += 1;
  }
  return [...seconds]
    .sort(([a], [b]) => a - b)
    .map(([second, { asked, executed }]) => ({ second, executed, ...latencyOf(asked) }));
}

export interface Recovery {
  /** From the end of the fault to the first execution. Undefined: none came. */
  readonly backInMs: number | undefined;
  /** The longest time without an execution from its start to the next fault's, or to recovery if that is later. */
  readonly longestPauseMs: number;
}

/**
 * @param executedAt ascending
 * @param until the start of the next fault, or the end of the load
 */
export function recoveryOf({ from, to }: Happened, executedAt: readonly number[], until: number): Recovery {
  const first = executedAt.find((at) => at >= to);
  const end = Math.max(until, first ?? until);
  const marks = [from, ...executedAt.filter((at) => at >= from && at < end), end];
  const pauses = marks.slice(1).map((at, i) => at - marks[i]!);
  return {
    backInMs: first === undefined ? undefined : first - to,
    longestPauseMs: pauses.reduce((most, ms) => Math.max(most, ms), 0),
  };
}

export interface MemorySample {
  /** Of the clock on the wall, in ms. */
  readonly at: number;
  readonly role: string;
  readonly pid: number;
  readonly mb: number;
}

export interface Memory {
  readonly role: string;
  /** After the warm-up. */
  readonly before: number;
  /** Of the load. */
  readonly end: number;
  readonly peak: number;
  /** After all was drained. */
  readonly drained: number;
  /** MB a minute under load, of processes past their first seconds. */
  readonly slope: number;
  /**
   * Whichever process has the role by then: `yes`, the end is within FLAT of before; `given back`, it is once all was
   * drained, so what came on top was garbage that V8 had not yet collected; or `no`.
   */
  readonly flat: 'yes' | 'given back' | 'no';
}

export const FLAT = 0.2;
/** Samples that make one figure: their median. */
const FIGURE_MS = 8_000;
/** A process that has just started grows. */
const YOUNG_MS = 5_000;

/** The memory of each role, in the order the roles first appear. */
export function memoryOf(
  samples: readonly MemorySample[],
  { warmAt, endAt }: { warmAt: number; endAt: number },
): Memory[] {
  const born = new Map<number, number>();
  for (const { pid, at } of samples) if (!born.has(pid)) born.set(pid, at);
  const median = (of: readonly MemorySample[]): number =>
    of.length === 0 ? Number.NaN : spreadOf(of.map(({ mb }) => mb)).median;
  const roles = [...new Set(samples.map(({ role }) => role))];
  return roles.map((role) => {
    const own = samples.filter((sample) => sample.role === role);
    const between = (from: number, to: number) => own.filter(({ at }) => at >= from && at <= to);
    const before = median(between(warmAt - FIGURE_MS, warmAt));
    const end = median(between(endAt - FIGURE_MS, endAt));
    const drained = own.at(-1)!.mb;
    const most = before * (1 + FLAT);
    return {
      role,
      before,
      end,
      peak: own.reduce((most, { mb }) => Math.max(most, mb), 0),
      drained,
      slope: slopeOf(between(warmAt, endAt).filter(({ pid, at }) => at - born.get(pid)! >= YOUNG_MS)),
      flat: end <= most ? 'yes' : drained <= most ? 'given back' : 'no',
    };
  });
}

/** MB a minute, by least squares. */
export function slopeOf(samples: readonly MemorySample[]): number {
  if (samples.length < 2) return Number.NaN;
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const minutes = samples.map(({ at }) => (at - samples[0]!.at) / 60_000);
  const [x, y] = [mean(minutes), mean(samples.map(({ mb }) => mb))];
  const over = minutes.reduce((sum, minute, i) => sum + (minute - x) * (samples[i]!.mb - y), 0);
  const under = minutes.reduce((sum, minute) => sum + (minute - x) ** 2, 0);
  return under === 0 ? Number.NaN : over / under;
}
