import type { Figure } from '../../src/bench/classify.ts';

/** A cell where nothing was short. */
export function figure(changes: Partial<Figure> = {}): Figure {
  return {
    latencyMs: 50,
    concurrency: 100,
    prefetch: 0,
    jobs: 5_000,
    seconds: 5,
    jobsPerSecond: 1_000,
    roundTripMs: 50,
    handlerMs: 0,
    cpuMicrosPerJob: 20,
    bytesPerJob: 280,
    workerLoad: 0.3,
    relayLoad: 0.1,
    faktoryLoad: 0.2,
    machineLoad: 0.5,
    ...changes,
  };
}
