import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { startFaktory, type TestFaktory } from '../../src/testing/test-faktory.ts';
import { freePort } from '../helpers/free-port.ts';
import { isAlive, type RunningProcess } from '../helpers/process.ts';
import { until } from '../helpers/until.ts';
import { millrace, ran, untilReady } from './millrace.ts';

/** WORKER_PROCESSES: several workers behind one process. */

const HANDLERS = `
export default (worker) => {
  worker.register('tells', () => console.log('ran in ' + process.pid + ' ' + (process.env.MILLRACE_FORKED ?? 'unmarked')));
  worker.register('waits', () => new Promise(() => {}));
  worker.register('blocks', () => { console.log('blocked'); for (;;); });
};
`;

let folder: string;
let handlers: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-processes-'));
  handlers = join(folder, 'handlers.mjs');
  await writeFile(handlers, HANDLERS);
});
afterAll(() => rm(folder, { recursive: true }));

/** Two workers, ready, of one slot each: what one of them holds the other cannot. */
async function startTwo(
  faktory: TestFaktory,
  env: Record<string, string> = {},
): Promise<{ parent: RunningProcess; url: string; pids: number[] }> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const parent = millrace(['worker', handlers, '--concurrency', '1', '--prefetch', '0'], {
    env: { FAKTORY_URL: faktory.url, WORKER_PROCESSES: '2', METRICS_PORT: String(port), ...env },
  });
  await untilReady(url);
  return { parent, url, pids: workersOf(parent) };
}

/** The pids of all workers that have started so far, in order. */
function workersOf(parent: RunningProcess): number[] {
  return parent.lines
    .filter((line) => line.includes('Concurrency: 1 jobs per worker'))
    .map((line) => (JSON.parse(line) as { pid: number }).pid);
}

const ranIn = (parent: RunningProcess): Set<number> =>
  new Set(parent.lines.flatMap((line) => Number(/^ran in (\d+) unmarked$/.exec(line)?.[1] ?? 0) || []));

async function metricsOf(url: string): Promise<string> {
  return (await fetch(`${url}/metrics`)).text();
}

/** Pushes until jobs have run in all these. */
async function untilJobsRanIn(
  parent: RunningProcess,
  client: Client,
  pids: readonly number[],
): Promise<void> {
  const done = async (): Promise<boolean> => {
    if (pids.every((pid) => ranIn(parent).has(pid))) return true;
    await client.pushBulk(Array.from({ length: 20 }, () => ({ jobtype: 'tells' })));
    return false;
  };
  await until(done, { everyMs: 50, what: () => `jobs that ran in ${pids}:\n${parent.output}` });
}

it('jobs run in two processes, /metrics is that of both, SIGTERM ends all with 0', async () => {
  await using faktory = await startFaktory();
  const client = new Client({ url: faktory.url, logger: false });
  await client.pushBulk(Array.from({ length: 30 }, () => ({ jobtype: 'tells', queue: 'elsewhere' })));
  const { parent, url, pids } = await startTwo(faktory, { WORKER_SHUTDOWN_TIMEOUT_MS: '100' });
  await using _parent = parent;
  expect(new Set([...pids, parent.pid]).size).toBe(3);
  await untilJobsRanIn(parent, client, pids);
  await until(() => faktory.jobs({ queue: 'default' }).length === 0);

  await client.pushBulk(Array.from({ length: 5 }, () => ({ jobtype: 'waits', queue: 'default' })));
  await until(async () => (await metricsOf(url)).includes('millrace_worker_running 2\n'));
  const text = await metricsOf(url);
  expect(text).toContain('millrace_worker_concurrency 2\n');
  expect(text).toContain('millrace_worker_processes 2\n');
  expect(text).toContain('millrace_worker_connected 1\n');
  expect(text).toContain(`millrace_worker_jobs_total{jobtype="tells",outcome="done"}`);
  // As Faktory has it, and not as often as there are processes.
  expect(text).toContain('millrace_queue_size{queue="elsewhere"} 30\n');
  expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);

  parent.kill('SIGUSR2');
  const states = await until(() => {
    const lines = parent.lines.filter((line) => line.startsWith('{"state"'));
    return lines.length === 2 ? lines : undefined;
  });
  for (const line of states) expect(JSON.parse(line)).toMatchObject({ state: { running: 1 } });

  await client.close();
  await parent.stop('SIGTERM').then((exit) => expect(exit).toEqual({ code: 0, signal: null }));
  expect(pids.filter(isAlive)).toEqual([]);
  // What ran was handed back.
  expect(faktory.jobs({ state: 'working' })).toEqual([]);
  expect(faktory.jobs({ queue: 'default' })).toHaveLength(5);
});

it('one that was killed is replaced, and what it counted stays', async () => {
  await using faktory = await startFaktory();
  const client = new Client({ url: faktory.url, logger: false });
  const { parent, url, pids } = await startTwo(faktory);
  await using _parent = parent;
  await untilJobsRanIn(parent, client, pids);
  await until(() => faktory.jobs().length === 0);
  const doneOf = (text: string): number =>
    Number(/^millrace_worker_jobs_total\{jobtype="tells",outcome="done"\} (\d+)$/m.exec(text)?.[1]);
  const done = doneOf(await metricsOf(url));

  process.kill(pids[0]!, 'SIGKILL');
  await parent.waitForLine(/worker process \d was ended by SIGKILL: another starts in 1 s/);
  const { status, text } = await fetch(`${url}/ready`).then(async (response) => ({
    status: response.status,
    text: await response.text(),
  }));
  expect([status, text]).toEqual([503, expect.stringMatching(/worker process \d (has ended|: starting)/)]);
  await untilReady(url);
  const replacement = workersOf(parent)[2]!;
  await untilJobsRanIn(parent, client, [replacement, pids[1]!]);
  const after = await metricsOf(url);
  expect(after).toContain('millrace_worker_processes_replaced_total 1\n');
  expect(doneOf(after)).toBeGreaterThan(done);
  await client.close();
  expect(await parent.stop('SIGTERM')).toEqual({ code: 0, signal: null });
});

it.each([
  ['SIGTERM', 0],
  ['SIGKILL', 1],
] as const)(
  'quiet, none is replaced, and with the last all is over: after %s with %i',
  async (signal, code) => {
    await using faktory = await startFaktory();
    const { parent, url, pids } = await startTwo(faktory);
    await using _parent = parent;
    parent.kill('SIGTSTP');
    await until(() => parent.lines.filter((line) => line.includes('quiet: fetching')).length === 2);
    expect((await fetch(`${url}/ready`)).status).toBe(503);
    process.kill(pids[0]!, signal);
    await until(() => !isAlive(pids[0]!));
    process.kill(pids[1]!, 'SIGTERM');
    expect(await parent.waitForExit()).toEqual({ code, signal: null });
    expect(workersOf(parent)).toEqual(pids);
  },
);

it('one that ended by itself is replaced; Ctrl-C, which all of them get, ends all gracefully', async () => {
  await using faktory = await startFaktory();
  const { parent, url, pids } = await startTwo(faktory);
  await using _parent = parent;
  process.kill(pids[1]!, 'SIGTERM');
  await parent.waitForLine(/worker process \d ended with code 0: another starts in 1 s/);
  await untilReady(url);
  expect(workersOf(parent)).toHaveLength(3);
  process.kill(-parent.pid, 'SIGINT');
  expect(await parent.waitForExit()).toEqual({ code: 0, signal: null });
  expect(workersOf(parent).filter(isAlive)).toEqual([]);
});

it('one whose event loop stands still holds up neither /metrics nor a second SIGTERM', async () => {
  await using faktory = await startFaktory();
  const client = new Client({ url: faktory.url, logger: false });
  const { parent, url, pids } = await startTwo(faktory);
  await using _parent = parent;
  await client.push({ jobtype: 'blocks' });
  await client.close();
  await parent.waitForLine(/blocked/);
  expect(await metricsOf(url)).toContain('millrace_worker_concurrency 1\n');
  parent.kill('SIGTERM');
  await parent.waitForLine(/stopping/);
  parent.kill('SIGTERM');
  expect(await parent.waitForExit()).toEqual({ code: 1, signal: null });
  await until(() => !pids.some(isAlive));
});

it('a parent that was killed leaves no worker behind', async () => {
  await using faktory = await startFaktory();
  const { parent, pids } = await startTwo(faktory);
  await using _parent = parent;
  parent.kill('SIGKILL');
  await until(() => !pids.some(isAlive), { what: 'the end of the workers' });
  await until(() => parent.output.match(/stopping/g)?.length === 2);
});

it('one that hangs is not ready, and is again when it goes on', async () => {
  await using faktory = await startFaktory();
  const { parent, url, pids } = await startTwo(faktory);
  await using _parent = parent;
  process.kill(pids[1]!, 'SIGSTOP');
  const reason = await until(async () => {
    const response = await fetch(`${url}/ready`);
    const text = await response.text();
    return response.ok ? undefined : text;
  });
  expect(reason).toMatch(/worker process \d has not answered for \d s/);
  process.kill(pids[1]!, 'SIGCONT');
  await untilReady(url);
  expect(await parent.stop('SIGTERM')).toEqual({ code: 0, signal: null });
});

it.each([
  ['SIGTERM to the parent', (parent: RunningProcess) => parent.kill('SIGTERM')],
  // As a supervisor does, and a terminal.
  ['SIGTERM to all', (parent: RunningProcess) => process.kill(-parent.pid, 'SIGTERM')],
  ['SIGINT to all', (parent: RunningProcess) => process.kill(-parent.pid, 'SIGINT')],
])('%s while they still load ends them with 0', async (_, kill) => {
  await using faktory = await startFaktory();
  const file = join(folder, 'slow.mjs');
  const slow = `console.log('loading'); await new Promise((resolve) => setTimeout(resolve, 500));`;
  await writeFile(file, `${slow}\nexport const add = () => {};`);
  await using parent = millrace(['worker', file, '--processes', '2'], { env: { FAKTORY_URL: faktory.url } });
  await parent.waitForLine(/loading/);
  kill(parent);
  expect(await parent.waitForExit()).toEqual({ code: 0, signal: null });
  expect(parent.output).not.toContain('was ended by');
});

it('handlers with a fault: one line, exit code 1', async () => {
  const file = join(folder, 'broken.mjs');
  await writeFile(file, '\nexport const a = ;');
  const line = `millrace: the handlers file ${file} does not load: Unexpected token ';' (${file}:2)`;
  expect(await ran(['worker', file], { env: { WORKER_PROCESSES: '3' } })).toEqual({ code: 1, lines: [line] });
});

it('handlers that end the process: their exit code, and no second try', async () => {
  const file = join(folder, 'exits.mjs');
  await writeFile(file, 'console.log("once"); process.exit(7);');
  expect(await ran(['worker', file], { env: { WORKER_PROCESSES: '2' } })).toEqual({
    code: 7,
    lines: ['once'],
  });
});
