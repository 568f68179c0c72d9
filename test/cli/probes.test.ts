import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { startProbes } from '../../src/cli/probes.ts';
import { startEmbeddedFaktory } from '../../src/embedded/index.ts';
import { addWorkerMetrics } from '../../src/worker/metrics.ts';
import { Worker } from '../../src/worker/worker.ts';

async function ask(url: string, path: string): Promise<{ status: number; text: string }> {
  const response = await fetch(url + path);
  return { status: response.status, text: await response.text() };
}

it('tells of a worker: alive, ready or why not, and its metrics', async () => {
  await using faktory = await startEmbeddedFaktory();
  const worker = new Worker({ url: faktory.url, concurrency: 7, logger: false, trapSignals: false });
  const registry = new Registry();
  addWorkerMetrics(registry, worker);
  const notReady = (): string | undefined => (worker.connected ? undefined : 'not connected to Faktory');
  const probes = await startProbes({ host: '127.0.0.1', port: 0, registry, notReady });

  expect(await ask(probes.url, '/health')).toEqual({ status: 200, text: '{"status":"ok"}' });
  expect(await ask(probes.url, '/ready')).toEqual({
    status: 503,
    text: '{"error":"not connected to Faktory"}',
  });
  await worker.work();
  expect(await ask(probes.url, '/ready')).toEqual({ status: 200, text: '{"status":"ready"}' });
  const { text } = await ask(probes.url, '/metrics');
  expect(text).toContain('millrace_worker_concurrency 7');
  expect(text).toContain('millrace_worker_stranded_total 0');
  expect((await ask(probes.url, '/')).status).toBe(404);
  expect((await fetch(probes.url, { method: 'POST' })).status).toBe(405);

  const port = Number(new URL(probes.url).port);
  await expect(startProbes({ host: '127.0.0.1', port, registry, notReady })).rejects.toMatchObject({
    code: 'PORT_TAKEN',
    message: expect.stringContaining('METRICS_PORT'),
  });
  await probes.close();
  await worker.stop();
});
