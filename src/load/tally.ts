/** Answers, gathered into slices of time. Pure. */
import { type Latency, latencyOf } from './percentile.ts';

/** A slice of time. */
export interface Slice {
  /** Its beginning, in seconds since the scenario's. */
  readonly second: number;
  readonly accepted: number;
  readonly refused: number;
  /** Of those that were accepted, in ms; null where there were none. */
  readonly p50: number | null;
  readonly p99: number | null;
}

export interface TallyResult {
  readonly answered: number;
  readonly byStatus: Readonly<Record<string, number>>;
  /** Of those that were accepted. */
  readonly latency: Latency | null;
  readonly slices: readonly Slice[];
  /** By `clock()`: the first request, the last answer. */
  readonly firstAt: number | null;
  readonly lastAt: number | null;
}

interface Gathered {
  times: number[];
  refused: number;
}

export class Tally {
  readonly #from: number;
  readonly #sliceMs: number;
  readonly #slices: Gathered[] = [];
  readonly #byStatus = new Map<number, number>();
  #firstAt: number | null = null;
  #lastAt: number | null = null;
  answered = 0;

  /** `from`: when the scenario began, by `clock()`. */
  constructor(from: number, sliceMs: number) {
    this.#from = from;
    this.#sliceMs = sliceMs;
  }

  /** An answer that came at `at`, after `ms`. */
  note(status: number, ms: number, at: number): void {
    this.answered += 1;
    this.#byStatus.set(status, (this.#byStatus.get(status) ?? 0) + 1);
    this.#firstAt = Math.min(this.#firstAt ?? at, at - ms);
    this.#lastAt = at;
    const slice = this.#sliceAt(at);
    if (isAccepted(status)) slice.times.push(ms);
    else slice.refused += 1;
  }

  result(): TallyResult {
    const slices = this.#slices.map(({ times, refused }, i): Slice => {
      const latency = latencyOf(times);
      return {
        second: (i * this.#sliceMs) / 1_000,
        accepted: times.length,
        refused,
        p50: latency?.p50 ?? null,
        p99: latency?.p99 ?? null,
      };
    });
    return {
      answered: this.answered,
      byStatus: Object.fromEntries(this.#byStatus),
      latency: latencyOf(this.#slices.flatMap(({ times }) => times)),
      slices,
      firstAt: this.#firstAt,
      lastAt: this.#lastAt,
    };
  }

  #sliceAt(at: number): Gathered {
    const index = Math.max(0, Math.floor((at - this.#from) / this.#sliceMs));
    while (this.#slices.length <= index) this.#slices.push({ times: [], refused: 0 });
    return this.#slices[index]!;
  }
}

export const isAccepted = (status: number): boolean => status >= 200 && status < 300;

/** How many were accepted, of all that was answered. */
export function acceptedOf({ byStatus }: Pick<TallyResult, 'byStatus'>): number {
  return Object.entries(byStatus)
    .filter(([status]) => isAccepted(Number(status)))
    .reduce((sum, [, count]) => sum + count, 0);
}

/** Of several that began together, in slices of the same length: the sums, and the percentiles of the first that has any. */
export function mergedSlices(all: readonly (readonly Slice[])[]): Slice[] {
  const longest = all.reduce((most, each) => (each.length > most.length ? each : most), []);
  return longest.map(({ second }, i) => {
    const here = all.flatMap((slices) => slices[i] ?? []);
    return {
      second,
      accepted: here.reduce((sum, { accepted }) => sum + accepted, 0),
      refused: here.reduce((sum, { refused }) => sum + refused, 0),
      p50: here.find(({ p50 }) => p50 !== null)?.p50 ?? null,
      p99: here.find(({ p99 }) => p99 !== null)?.p99 ?? null,
    };
  });
}
