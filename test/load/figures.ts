/** A scenario that went well; `change` says what did not. */
import type { Results, ScenarioResult } from '../../src/load/results.ts';

export function scenario(change: Partial<ScenarioResult> = {}): ScenarioResult {
  const slice = (second: number) => ({ second, accepted: 497, refused: 3, p50: 2, p99: 9 });
  return {
    name: 'bombardment',
    title: 'Bombardment of 1,000, 1% invalid',
    seconds: 0.2,
    sent: 1_000,
    accepted: 994,
    refused: 6,
    errors: 0,
    cut: 0,
    byStatus: { 202: 994, 400: 6 },
    acceptedPerSecond: 4_970,
    latency: { p50: 2, p90: 5, p99: 9, most: 12 },
    slices: [slice(0), slice(0.1)],
    sliceMs: 100,
    api: {
      cpu: 0.25,
      memoryBefore: 90e6,
      memoryMost: 123e6,
      memoryAfter: 110e6,
      slices: [{ second: 0, cpu: 0.25, memoryBytes: 123e6 }],
    },
    generatorCpu: 0.5,
    executed: 990,
    dead: 4,
    executedSeconds: 0.25,
    endToEnd: { p50: 3, p90: 6, p99: 11, most: 14 },
    executedSlices: [slice(0), slice(0.1)],
    overload: null,
    gaps: [],
    ...change,
  };
}

export const saturated = scenario({
  name: 'saturation',
  title: 'Far over the limit, then gone',
  cut: 100,
  overload: {
    limit: 1_000,
    inFlight: 10_000,
    refusedFull: 5_000,
    retryAfters: 5_000,
    polite: { sent: 50, accepted: 50, acceptedLater: 8 },
    usualP99: 4,
    recoveryMs: 120,
  },
});

/** Of an API that shows nothing, and whose jobs nobody of us runs. */
export const bare = scenario({
  name: 'sustained',
  ...{ api: null, executed: null, dead: null, executedSeconds: null, endToEnd: null, executedSlices: [] },
});

export function resultsOf(scenarios: readonly ScenarioResult[], change: Partial<Results> = {}): Results {
  return {
    millrace: '1.2.3',
    node: 'v20.0.0',
    cores: 2,
    cpu: 'a <b>CPU</b>',
    api: null,
    faktory: 'embedded',
    startedAt: '2030-01-31T09:00:00.000Z',
    connections: 100,
    scenarios,
    leftOut: [],
    endedEarly: false,
    ...change,
  };
}
