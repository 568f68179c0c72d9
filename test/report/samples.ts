/** Reports of made-up figures: a sweep as `millrace bench` has, and lines over time as a load test has. */
import type { Figure } from '../../src/bench/classify.ts';
import { reportOf } from '../../src/bench/report.ts';
import { resultsOf, type Setting } from '../../src/bench/results.ts';
import { cellsOf, runsOf } from '../../src/bench/sweep.ts';
import { lineChart } from '../../src/report/chart.ts';
import { beside, page, section, table } from '../../src/report/page.ts';
import type { Point, Series } from '../../src/report/series.ts';
import { figure } from '../bench/figures.ts';

const ROUNDS = 3;
const MOST_PER_SECOND = 21_000;

/** Between -1 and 1, the same each time. */
const wobble = (n: number): number => Math.sin(n * 12.9898);

/** Figures as they come: loops go by Little's law until the CPU is short, prefetch is short of it at once. */
function measured(latencyMs: number, concurrency: number, prefetch: 0 | 'auto', round: number): Figure {
  const roundTripMs = latencyMs + 0.4;
  const bound = prefetch === 0 ? concurrency / (roundTripMs / 1000) : Number.POSITIVE_INFINITY;
  const full = MOST_PER_SECOND * (1 - latencyMs / 1000);
  const rate = Math.min(bound * 0.97, full) * (0.96 + 0.04 * wobble(round + concurrency + latencyMs));
  return figure({
    ...{ latencyMs, concurrency, prefetch, roundTripMs },
    jobs: Math.round(rate * 3),
    jobsPerSecond: rate,
    cpuMicrosPerJob: (prefetch === 0 ? 58 : 41) + latencyMs / 5 + 3 * wobble(round * concurrency + latencyMs),
    bytesPerJob: (prefetch === 0 ? 430 : 402) + 2 * wobble(round),
    workerLoad: (0.99 * rate) / full,
  });
}

/** Made with `rounds` rounds of each cell. */
export function benchReport(
  latencies = [0, 10, 50],
  concurrencies = [50, 100, 500, 1_000],
  rounds = ROUNDS,
): string {
  const cells = cellsOf(latencies, concurrencies);
  const setting: Setting = {
    ...{ millrace: '1.2.3', node: 'v20.20.0', cores: 2, cpu: 'AMD EPYC 9B14', faktory: 'embedded' },
    ...{ startedAt: '2030-01-31T09:00:00.000Z', jobs: 100_000, seconds: 3, rounds, jobTimeMs: 0 },
    ...{ bandwidth: null, cellsAsked: cells.length },
  };
  const figures = runsOf(cells, rounds).map(({ latencyMs, concurrency, prefetch, round }) =>
    measured(latencyMs, concurrency, prefetch, round),
  );
  return reportOf(resultsOf(setting, figures));
}

/** Ten minutes, a point a second, and a pause in which nothing was answered. */
export function loadReport(seconds = 600): string {
  const points = (value: (second: number) => number, spread = 0): Point[] =>
    Array.from({ length: seconds + 1 }, (_, x) => {
      const paused = x >= seconds * 0.4 && x < seconds * 0.45;
      const y = paused ? Number.NaN : value(x);
      return spread === 0 ? { x, y } : { x, y, low: y * (1 - spread), high: y * (1 + spread) };
    });
  const line = (name: string, color: number, values: Point[]): Series => ({ name, color, points: values });
  const time = { name: 'time', kind: 'time' } as const;
  const chart = (title: string, unit: string, series: Series[], kind?: 'log' | 'linear'): string =>
    lineChart({ title, x: time, y: { name: unit, ...(kind ? { kind } : {}) }, series });
  return page({
    title: 'millrace load',
    findings: ['2,950 requests/s were answered, p99 31 ms.'],
    notes: ['http://127.0.0.1:3000/jobs/add, 50 connections, 10 minutes.'],
    parts: [
      chart(
        'Requests',
        'requests/s',
        [
          line(
            'accepted',
            2,
            points((x) => 3_000 + 150 * wobble(x), 0.1),
          ),
          line(
            'refused',
            1,
            points((x) => Math.max(0, 40 * wobble(x / 30))),
          ),
        ],
        'linear',
      ),
      chart(
        'Latency',
        'ms',
        [
          line(
            'p50',
            0,
            points((x) => 4 + wobble(x)),
          ),
          line(
            'p99',
            3,
            points((x) => 30 + 9 * wobble(x)),
          ),
          line(
            'highest',
            4,
            points((x) => 130 + 100 * wobble(x)),
          ),
        ],
        'log',
      ),
      beside([
        chart(
          'CPU',
          '% of one core',
          [
            line(
              'API',
              0,
              points((x) => 62 + 6 * wobble(x)),
            ),
          ],
          'linear',
        ),
        chart(
          'Memory',
          'MB',
          [
            line(
              'API',
              0,
              points((x) => 90 + x / 40),
            ),
            line(
              'Faktory',
              1,
              points((x) => 140 + 3 * wobble(x)),
            ),
          ],
          'linear',
        ),
      ]),
      section('Answers', [
        table(['status', 'answers', 'p50 ms', 'p99 ms'], [['200', '1,770,120', '4.1', '31']]),
      ]),
    ],
  });
}
