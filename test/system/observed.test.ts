import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { startFaktory } from '../../src/testing/test-faktory.ts';
import { freePort } from '../helpers/free-port.ts';
import { until } from '../helpers/until.ts';
import { millrace, untilReady } from './millrace.ts';

/** What a process tells of itself, and how it ends when its handlers misbehave. */

const HANDLERS = `
export default (worker) => {
  worker.register('add', (a, b) => console.log(JSON.stringify({ sum: a + b })));
  worker.register('waits', () => new Promise(() => {}));
  worker.register('hangs', () => new Promise(() => {}), { handlerTimeoutMs: 50 });
  worker.register('strays', () => { Promise.reject(new Error('nobody hears me')); });
  worker.register('crashes', () => { setTimeout(() => { throw new Error('thrown later'); }); return new Promise(() => {}); });
};
`;

let folder: string;
let handlers: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-observed-'));
  handlers = join(folder, 'handlers.mjs');
  await writeFile(handlers, HANDLERS);
});
afterAll(() => rm(folder, { recursive: true }));

const get = async (url: string): Promise<{ status: number; text: string }> => {
  const response = await fetch(url);
  return { status: response.status, text: await response.text() };
};

it('SIGUSR2: the state of a worker as one JSON line, whatever LOG_LEVEL says', async () => {
  await using faktory = await startFaktory();
  const client = new Client({ url: faktory.url, logger: false });
  const port = await freePort();
  await using worker = millrace(['worker', handlers], {
    env: { FAKTORY_URL: faktory.url, LOG_LEVEL: 'silent', METRICS_PORT: String(port) },
  });
  await untilReady(`http://127.0.0.1:${port}`);
  const jid = await client.push({ jobtype: 'waits' });
  await until(() => faktory.jobs({ state: 'working' }).length === 1);
  worker.kill('SIGUSR2');
  const line = await until(() => worker.lines.find((each) => each.startsWith('{"state"')));
  const { state } = JSON.parse(line);
  expect(state).toMatchObject({
    state: 'running',
    running: 1,
    connections: expect.any(Number),
    longestRunning: [{ jid, jobtype: 'waits', queue: 'default' }],
  });
  const { text } = await get(`http://127.0.0.1:${port}/metrics`);
  expect(text).toContain('millrace_worker_running 1');
  expect(text).toContain('millrace_set_size{set="working"} 1');
  expect(text).toMatch(/nodejs_eventloop_lag_seconds|process_resident_memory_bytes/);
  await client.close();
});

it('a rejection that nobody awaits is told, and the worker goes on', async () => {
  await using faktory = await startFaktory();
  const client = new Client({ url: faktory.url, logger: false });
  await using worker = millrace(['worker', handlers], { env: { FAKTORY_URL: faktory.url } });
  await client.push({ jobtype: 'strays' });
  await worker.waitForLine(/nobody hears me/);
  await client.push({ jobtype: 'add', args: [1, 2] });
  await worker.waitForLine(/"sum":3/);
  await client.close();
});

it('an error thrown where nobody catches it: jobs are handed back, exit code 1', async () => {
  await using faktory = await startFaktory();
  const client = new Client({ url: faktory.url, logger: false });
  await using worker = millrace(['worker', handlers], {
    env: { FAKTORY_URL: faktory.url, WORKER_SHUTDOWN_TIMEOUT_MS: '100' },
  });
  const jid = await client.push({ jobtype: 'crashes', retry: 3 });
  expect(await worker.waitForExit()).toMatchObject({ code: 1 });
  expect(worker.output).toContain('thrown later');
  const left = faktory.jobs();
  expect(left.map((job) => job.jid.startsWith(jid))).toEqual([true]);
  expect(left[0]?.failure).toBeUndefined();
  await client.close();
});

it('a worker whose handlers all hang stops itself with exit code 1, so that it is started anew', async () => {
  await using faktory = await startFaktory();
  const client = new Client({ url: faktory.url, logger: false });
  await using worker = millrace(['worker', handlers, '--concurrency', '2'], {
    env: { FAKTORY_URL: faktory.url },
  });
  await client.push({ jobtype: 'hangs' });
  await client.push({ jobtype: 'hangs' });
  // Ten seconds make a zombie of a handler.
  expect(await worker.waitForExit({ timeoutMs: 40_000 })).toMatchObject({ code: 1 });
  expect(worker.output).toContain('2 handlers never end');
  expect(faktory.jobs({ state: 'retries' })).toHaveLength(2);
  await client.close();
});

it('METRICS_PORT of the API and of the embedded Faktory', async () => {
  const [faktoryPort, apiPort, first, second] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const url = `tcp://127.0.0.1:${faktoryPort}`;
  await using _faktory = millrace(['faktory', '--port', String(faktoryPort)], {
    env: { METRICS_PORT: String(first) },
  });
  await untilReady(`http://127.0.0.1:${first}`);
  const env = {
    FAKTORY_URL: url,
    API_PORT: String(apiPort),
    METRICS_PORT: String(second),
    API_TOKEN: 't0ken-t0ken',
  };
  await using api = millrace(['api'], { env });
  await untilReady(`http://127.0.0.1:${second}`);
  const posted = await fetch(`http://127.0.0.1:${apiPort}/jobs/add`, {
    method: 'POST',
    body: '{"a":1}',
    headers: { authorization: 'Bearer t0ken-t0ken' },
  });
  expect(posted.status).toBe(202);
  // Its own port asks for no token: it listens on loopback unless told otherwise.
  const { text } = await get(`http://127.0.0.1:${second}/metrics`);
  expect(text).toContain('millrace_push_jobs_total{outcome="stored"} 1');
  expect(text).toContain('millrace_api_jobs_total{outcome="stored"} 1');
  expect(text).toContain('millrace_queue_size{queue="default"} 1');
  const own = await get(`http://127.0.0.1:${first}/metrics`);
  expect(own.text).toContain('millrace_queue_size{queue="default"} 1');
  expect(api.output).not.toContain('t0ken-t0ken');
});
