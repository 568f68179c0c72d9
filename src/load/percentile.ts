/** How long something took, over many times. Pure. */
export interface Latency {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly most: number;
}

/** In ms. null where nothing was measured. */
export function latencyOf(values: readonly number[]): Latency | null {
  if (values.length === 0) return null;
  const sorted = Float64Array.from(values).sort();
  const at = (part: number): number => sorted[percentileIndex(sorted.length, part)]!;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), most: sorted.at(-1)! };
}

/** The nearest rank: one of the values themselves, never between two. */
function percentileIndex(count: number, part: number): number {
  return Math.max(0, Math.ceil(count * part) - 1);
}
