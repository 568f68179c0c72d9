import { expect, it } from 'vitest';
import { startFaktory } from '../../src/testing/test-faktory.ts';
import { Watch } from '../faults/local.ts';
import { freePort } from '../helpers/free-port.ts';
import { isAlive, type RunningProcess } from '../helpers/process.ts';
import { startRelay } from '../helpers/relay.ts';
import { until } from '../helpers/until.ts';
import { millrace, ran, untilReady } from './millrace.ts';

/** API_PROCESSES: several APIs that share a port. */

async function startTwo(
  faktory: { readonly url: string },
  env: Record<string, string> = {},
): Promise<{ parent: RunningProcess; url: string; pids: number[] }> {
  const port = await freePort();
  const parent = millrace(['api'], {
    env: { FAKTORY_URL: faktory.url, API_PORT: String(port), API_PROCESSES: '2', ...env },
  });
  await until(() => apisOf(parent).length === 2, { what: () => `two APIs:\n${parent.output}` });
  const url = `http://127.0.0.1:${port}`;
  await untilReady(url);
  return { parent, url, pids: apisOf(parent) };
}

/** The pids of all that have listened so far, in order. */
function apisOf(parent: RunningProcess): number[] {
  return parent.lines
    .filter((line) => line.includes('the API listens on'))
    .map((line) => (JSON.parse(line) as { pid: number }).pid);
}

/** A connection of its own: the parent gives out connections, not requests. */
async function push(url: string): Promise<number> {
  const response = await fetch(`${url}/jobs/add`, {
    method: 'POST',
    body: '{"a":1}',
    headers: { connection: 'close' },
  });
  await response.arrayBuffer();
  return response.status;
}

async function metricOf(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`, { headers: { connection: 'close' } })).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length));
}

const STORED = 'millrace_api_jobs_total{outcome="stored"}';

it('two take jobs on one port, /metrics is that of both whoever answers, SIGTERM ends all with 0', async () => {
  await using faktory = await startFaktory();
  const { parent, url, pids } = await startTwo(faktory);
  await using _parent = parent;
  expect(new Set([...pids, parent.pid]).size).toBe(3);
  for (let i = 0; i < 20; i += 1) expect(await push(url)).toBe(202);
  expect(faktory.jobs({ queue: 'default' })).toHaveLength(20);
  for (let i = 0; i < 2; i += 1) expect(await metricOf(url, STORED)).toBe(20);
  expect(await metricOf(url, 'millrace_api_processes')).toBe(2);
  expect(await parent.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(pids.filter(isAlive)).toEqual([]);
});

it('one that was killed is replaced while the other goes on, and what it counted stays', async () => {
  await using faktory = await startFaktory();
  const { parent, url, pids } = await startTwo(faktory);
  await using _parent = parent;
  for (let i = 0; i < 10; i += 1) await push(url);
  expect(await metricOf(url, STORED)).toBe(10);
  process.kill(pids[0]!, 'SIGKILL');
  await parent.waitForLine(/api process \d was ended by SIGKILL: another starts in 1 s/);
  expect(await push(url)).toBe(202);
  await until(() => apisOf(parent).length === 3);
  await until(async () => (await metricOf(url, 'millrace_api_processes_replaced_total')) === 1);
  expect(await metricOf(url, STORED)).toBe(11);
  expect(await parent.stop('SIGTERM')).toEqual({ code: 0, signal: null });
});

it('a request that is on its way at SIGTERM is answered', async () => {
  await using faktory = await startFaktory();
  await using relay = await startRelay(faktory.url, { messages: true });
  const { parent, url, pids } = await startTwo(relay);
  await using _parent = parent;
  const asked = new Watch(relay, 'up', /^PUSHB/);
  relay.freeze('down');
  const pushes = Promise.allSettled([push(url), push(url)]);
  await until(() => asked.seen.join('').split('"jid"').length === 3);
  parent.kill('SIGTERM');
  // The parent, and each of the two.
  await until(() => parent.lines.filter((line) => line.includes('stopping; a second')).length === 3);
  expect(pids.every(isAlive)).toBe(true);
  // No other is taken, whether or not the port is closed yet.
  expect(await push(url).catch(() => 503)).toBe(503);
  relay.thaw();
  const answered = { status: 'fulfilled', value: 202 };
  expect(await pushes).toEqual([answered, answered]);
  expect(await parent.waitForExit()).toEqual({ code: 0, signal: null });
  expect(faktory.jobs()).toHaveLength(2);
});

it('one that dies again and again is replaced ever more slowly, and the other goes on', async () => {
  await using faktory = await startFaktory();
  const { parent, url, pids } = await startTwo(faktory);
  await using _parent = parent;
  process.kill(pids[0]!, 'SIGKILL');
  const second = await until(() => apisOf(parent)[2]);
  process.kill(second, 'SIGKILL');
  await parent.waitForLine(/api process \d was ended by SIGKILL: another starts in 2 s/);
  const third = await until(() => apisOf(parent)[3]);
  process.kill(third, 'SIGKILL');
  await parent.waitForLine(/api process \d was ended by SIGKILL: another starts in 4 s/);
  expect(await push(url)).toBe(202);
  const seconds = parent.lines.flatMap((line) => /another starts in (\d+) s/.exec(line)?.[1] ?? []);
  expect(seconds).toEqual(['1', '2', '4']);
  // The time of the next has not come: it ends without.
  expect(await parent.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(apisOf(parent)).toHaveLength(4);
});

it('a signal that comes while one of them still loads ends all with 0', async () => {
  await using faktory = await startFaktory();
  await using parent = millrace(['api', '--port', '0', '--processes', '3'], {
    env: { FAKTORY_URL: faktory.url },
  });
  await parent.waitForLine(/3 api processes/);
  parent.kill('SIGTERM');
  expect(await parent.waitForExit()).toEqual({ code: 0, signal: null });
});

it('no request waits for ever when one is killed that had not taken its connection yet', async () => {
  await using faktory = await startFaktory();
  const { parent, url, pids } = await startTwo(faktory);
  await using _parent = parent;
  process.kill(pids[0]!, 'SIGSTOP');
  const pushes = Array.from({ length: 8 }, () => push(url).catch(() => 'reset'));
  // Those that the other took are answered.
  await Promise.race(pushes);
  process.kill(pids[0]!, 'SIGKILL');
  const ends = await Promise.all(pushes);
  expect(new Set([...ends, 202, 'reset'])).toEqual(new Set([202, 'reset']));
  // Otherwise it ends while the parent stops, which is no good end.
  await parent.waitForLine(/was ended by SIGKILL/);
  expect(await parent.stop('SIGTERM')).toEqual({ code: 0, signal: null });
});

it('they end by themselves when their parent is killed', async () => {
  await using faktory = await startFaktory();
  const { parent, url, pids } = await startTwo(faktory);
  await using _parent = parent;
  expect(await push(url)).toBe(202);
  parent.kill('SIGKILL');
  await until(() => !pids.some(isAlive));
});

it('a port that is taken is told once, and ends it with 1', async () => {
  await using faktory = await startFaktory();
  const { code, lines } = await ran(['api', '--processes', '2', '--port', String(faktory.port)], {
    env: { FAKTORY_URL: faktory.url },
  });
  expect(code).toBe(1);
  expect(lines.filter((line) => line.includes('is taken'))).toHaveLength(1);
});

it('METRICS_PORT is the parent’s, and tells of both', async () => {
  await using faktory = await startFaktory();
  const port = await freePort();
  const { parent, url } = await startTwo(faktory, { METRICS_PORT: String(port) });
  await using _parent = parent;
  await untilReady(`http://127.0.0.1:${port}`);
  for (let i = 0; i < 4; i += 1) await push(url);
  expect(await metricOf(`http://127.0.0.1:${port}`, STORED)).toBe(4);
  expect(await parent.stop('SIGTERM')).toEqual({ code: 0, signal: null });
});
