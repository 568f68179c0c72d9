/** What a sweep comes to, in a few lines. Pure. */
import { BOUND_NAMES, number, type Result } from './results.ts';
import type { Prefetch } from './sweep.ts';

export function findingsOf(all: readonly Result[]): string[] {
  const cells = all.filter(({ jobs }) => jobs > 0);
  if (cells.length === 0) return [];
  return [fastest(cells), ...gains(cells), ...([0, 'auto'] as const).flatMap((each) => bounds(cells, each))];
}

function fastest(cells: readonly Result[]): string {
  const best = cells.reduce((most, each) => (each.jobsPerSecond > most.jobsPerSecond ? each : most));
  const { jobsPerSecond, concurrency, latencyMs, prefetch, bound } = best;
  return `At most ${number(jobsPerSecond)} jobs/s: ${number(concurrency, 0)} slots, ${latencyMs} ms added, prefetch ${prefetch}; ${BOUND_NAMES[bound.kind]}: ${bound.because}.`;
}

/** By each latency, since a mean over all of them would say nothing. */
function gains(cells: readonly Result[]): string[] {
  const latencies = [...new Set(cells.map(({ latencyMs }) => latencyMs))];
  return latencies.flatMap((latencyMs) => {
    const ratios = cells
      .filter((cell) => cell.latencyMs === latencyMs && cell.prefetch === 'auto')
      .flatMap(({ concurrency, jobsPerSecond }) => {
        const without = cells.find(
          (cell) => cell.latencyMs === latencyMs && cell.prefetch === 0 && cell.concurrency === concurrency,
        );
        return without ? [jobsPerSecond / without.jobsPerSecond] : [];
      });
    if (ratios.length === 0) return [];
    const [least, most] = [times(Math.min(...ratios)), times(Math.max(...ratios))];
    const range = least === most ? least : `${least} to ${most}`;
    return [`${latencyMs} ms added: prefetch auto ran ${range} times as many jobs as prefetch 0.`];
  });
}

function bounds(cells: readonly Result[], prefetch: Prefetch): string[] {
  const names = cells
    .filter((cell) => cell.prefetch === prefetch)
    .map(({ bound }) => BOUND_NAMES[bound.kind]);
  if (names.length === 0) return [];
  const counts = [...new Set(names)].map((name) => ({
    name,
    count: names.filter((each) => each === name).length,
  }));
  const list = counts.sort((a, b) => b.count - a.count).map(({ name, count }) => `${name} ${count}`);
  return [`What bounded prefetch ${prefetch}, of ${names.length} cells: ${list.join(', ')}.`];
}

const times = (ratio: number): string => ratio.toFixed(ratio < 10 ? 1 : 0);
