import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import type { Metrics } from '../../src/cli/processes-ipc.ts';
import { mergeMetrics, ProcessesRegistry } from '../../src/cli/processes-metrics.ts';
import { counter, gauge, histogram, newRegistry } from '../../src/metrics.ts';
import { Histogram } from '../../src/tally.ts';

/** What a process tells, that has done `done` jobs and sees `size` of them wait. */
async function metricsOf({ done, size, connected = 1 }: Record<string, number>): Promise<Metrics> {
  const registry = new Registry();
  gauge(registry, 'millrace_worker_running', 'h', () => 2);
  gauge(registry, 'millrace_worker_connected', 'h', () => connected);
  gauge(registry, 'millrace_worker_round_trip_seconds', 'h', () => size! / 1_000);
  gauge(registry, 'millrace_queue_size', 'h', () => [[{ queue: 'a' }, size!]]);
  counter(registry, 'millrace_worker_jobs_total', 'h', () => [[{ jobtype: 'add' }, done!]]);
  const seconds = new Histogram([1, 5]);
  for (let count = 0; count < done!; count++) seconds.observe(count === 0 ? 2 : 1);
  histogram(registry, 'millrace_worker_handler_seconds', 'h', () => [[{ jobtype: 'add' }, seconds]]);
  // As it comes from another process.
  return structuredClone(await registry.getMetricsAsJSON());
}

it('adds up what is counted, and does not multiply what each process sees of the same', async () => {
  const merged = mergeMetrics([
    await metricsOf({ done: 10, size: 7, connected: 0 }),
    await metricsOf({ done: 5, size: 6 }),
  ]);
  const text = await merged.metrics();
  expect(text).toContain('millrace_worker_running 4\n');
  expect(text).toContain('millrace_worker_jobs_total{jobtype="add"} 15\n');
  expect(text).toContain('millrace_worker_handler_seconds_bucket{jobtype="add",le="1"} 13\n');
  expect(text).toContain('millrace_worker_handler_seconds_bucket{jobtype="add",le="+Inf"} 15\n');
  expect(text).toContain('millrace_worker_handler_seconds_sum{jobtype="add"} 17\n');
  expect(text).toContain('millrace_queue_size{queue="a"} 7\n');
  expect(text).toContain('millrace_worker_round_trip_seconds 0.007\n');
  expect(text).toContain('millrace_worker_connected 0\n');
  expect(text).toContain('# TYPE millrace_worker_jobs_total counter');
});

it("takes Node's own metrics over the way between processes", async () => {
  const own = structuredClone(await newRegistry().getMetricsAsJSON());
  const text = await mergeMetrics([own, own]).metrics();
  expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
  expect(text).toMatch(/^nodejs_version_info\{.*\} 1$/m);
});

it('keeps what was counted by processes that died or do not answer', async () => {
  let answers = new Map<number, Metrics | undefined>();
  const registry = new ProcessesRegistry({ alive: 2, replaced: 1, metrics: async () => answers }, 'worker');
  answers = new Map([
    [1, await metricsOf({ done: 10, size: 1 })],
    [2, await metricsOf({ done: 5, size: 1 })],
  ]);
  expect(await registry.metrics()).toContain('millrace_worker_jobs_total{jobtype="add"} 15\n');

  // The first does not answer, the second was replaced.
  answers = new Map([
    [1, undefined],
    [3, await metricsOf({ done: 1, size: 1 })],
  ]);
  const text = await registry.metrics();
  expect(text).toContain('millrace_worker_jobs_total{jobtype="add"} 16\n');
  expect(text).toContain('millrace_worker_running 2\n');
  expect(text).toContain('millrace_worker_processes 2\n');
  expect(text).toContain('millrace_worker_processes_replaced_total 1\n');

  answers = new Map([
    [1, await metricsOf({ done: 12, size: 1 })],
    [3, await metricsOf({ done: 1, size: 1 })],
  ]);
  const counted = 'millrace_worker_handler_seconds_count{jobtype="add"} 18\n';
  expect(await registry.metrics()).toContain(counted);
  expect(await registry.metrics()).toContain(counted);
});
