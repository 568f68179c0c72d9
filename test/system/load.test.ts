/** `millrace load`, as a process. No figure is asserted: only that each is there, and that the accounts are right. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import type { Results } from '../../src/load/results.ts';
import { SCENARIO_NAMES } from '../../src/load/scenarios.ts';
import { describeOnEachFaktory } from '../helpers/each-faktory.ts';
import { startEmbeddedFaktory } from '../helpers/embedded-faktory.ts';
import { freePort } from '../helpers/free-port.ts';
import { elementsOf } from '../report/markup.ts';
import { millrace, ran, untilReady } from './millrace.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-load-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const readResults = (file: string): Results => JSON.parse(readFileSync(file, 'utf8')) as Results;
const SHORT = ['--requests', '1000', '--duration', '1', '--rate', '100', '--connections', '20'];
const TOKEN = 'a token of thirty-two characters'.replaceAll(' ', '-');

describe('millrace load', () => {
  it('runs every scenario on what it starts itself, accounts for each job, and writes JSON and a report', async () => {
    const json = join(folder, 'load.json');
    const html = join(folder, 'load.html');
    await using load = millrace(['load', ...SHORT, '--json', json, '--out', html]);
    const { code } = await load.waitForExit({ timeoutMs: 50_000 });
    expect([code, load.output]).toEqual([0, expect.stringContaining('what it came to')]);

    const { scenarios, ...setting } = readResults(json);
    expect(setting).toMatchObject({ api: null, faktory: 'embedded', leftOut: [], endedEarly: false });
    expect(scenarios.map(({ name, gaps }) => [name, gaps])).toEqual(SCENARIO_NAMES.map((name) => [name, []]));
    const [ten, bombardment, bulk, sustained, saturation, endToEnd] = scenarios;
    expect(ten).toMatchObject({ sent: 1_000, accepted: 1_000, executed: 1_000 });
    expect(bombardment).toMatchObject({ sent: 1_000, accepted: 995, refused: 5, executed: 990, dead: 5 });
    expect(bulk).toMatchObject({ sent: 1_000, accepted: 995, refused: 5, executed: 990, dead: 5 });
    expect(sustained).toMatchObject({ sent: 100, accepted: 100, executed: 100 });
    expect(saturation?.overload).toMatchObject({ limit: 1_000, inFlight: 10_000 });
    // A cut may come between the head of an answer and its end.
    const { retryAfters = -1, refusedFull = 0, recoveryMs } = saturation?.overload ?? {};
    expect(retryAfters).toBeGreaterThanOrEqual(refusedFull);
    expect(recoveryMs).toBeGreaterThan(0);
    for (const { name, latency, endToEnd, api } of scenarios) {
      // An overload may end before any of its own jobs was accepted.
      if (name !== 'saturation') expect(latency?.p99).toBeGreaterThan(0);
      expect(endToEnd?.p99).toBeGreaterThan(0);
      expect(api?.cpu).toBeGreaterThan(0);
      expect(api?.memoryMost).toBeGreaterThan(10e6);
    }
    expect(endToEnd?.executedSlices.length).toBeGreaterThan(0);
    expect(elementsOf(readFileSync(html, 'utf8'))).not.toContain('script');
  });

  it('ends early when it is told to', async () => {
    await using load = millrace(['load', '--scenario', 'sustained', '--duration', '60', '--rate', '10']);
    await load.waitForLine(/answered/, { timeoutMs: 50_000 });
    load.kill('SIGINT');
    const { code } = await load.waitForExit({ timeoutMs: 30_000 });
    expect([code, load.output]).toEqual([1, expect.stringContaining('ended early')]);
  });

  it.each([
    [['--scenario', 'all'], '--scenario is "all", it takes any of ten-thousand'],
    [['--rate', '0'], '--rate is "0", it takes whole numbers from 1 to 20000'],
    [['jobs.example'], 'the URL is "jobs.example", it takes http://host:port or https://host'],
    [['http://a:b@jobs.example'], 'the URL takes no user or password: set API_TOKEN'],
    [['http://127.0.0.1:1'], 'say --jobtype'],
    [['http://127.0.0.1:1', '--embedded'], '--embedded is for an API that is started'],
    [['http://127.0.0.1:1', '--jobtype', 'noop', '--scenario', 'sustained'], 'say --yes to go ahead'],
    [
      ['http://127.0.0.1:1', '--jobtype', 'noop', '--scenario', 'sustained', '--yes'],
      'http://127.0.0.1:1 cannot be reached',
    ],
  ])('%j: one line, exit 1', async (args, line) => {
    const { code, lines } = await ran(['load', ...args]);
    expect([code, lines.length, lines[0]]).toEqual([1, 1, expect.stringContaining(line)]);
  });
});

describe('millrace load against an API whose Faktory is not known', () => {
  it('pushes jobs of the jobtype that it is told, for others to run; a wrong token is one line', async () => {
    await using faktory = await startEmbeddedFaktory();
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const env = { FAKTORY_URL: faktory.url, API_TOKEN: TOKEN };
    await using _api = millrace(['api', '--port', String(port)], { env });
    await untilReady(url);
    const args = ['load', url, '--yes', '--jobtype', 'noop', '--scenario', 'bombardment', ...SHORT];

    const refused = await ran(args);
    expect([refused.code, refused.lines]).toEqual([
      1,
      [`millrace: ${url} answered 401: set API_TOKEN to its token`],
    ]);

    const json = join(folder, 'foreign.json');
    const { code } = await ran([...args, '--json', json], { env: { API_TOKEN: TOKEN } });
    expect(code).toBe(0);
    const [result] = readResults(json).scenarios;
    expect(result).toMatchObject({ accepted: 990, refused: 10, executed: null, dead: null, gaps: [] });
    expect(result?.api?.memoryMost).toBeGreaterThan(10e6);
    await using client = new Client({ url: faktory.url, logger: false });
    // And the one that was pushed to see whether it can be.
    expect((await client.info()).faktory.queues).toEqual({ default: 991 });
    expect(readFileSync(json, 'utf8')).not.toContain(TOKEN);
  });
});

describeOnEachFaktory('millrace load against an API and its Faktory', (kind) => {
  it('runs its own jobs, and leaves Faktory as it was', async () => {
    await using faktory = await kind.start({ password: 'not for arguments' });
    await using client = new Client({ url: faktory.url, logger: false });
    const jid = await client.push({ jobtype: 'other', args: [] });
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const env = { FAKTORY_URL: faktory.url, API_TOKEN: TOKEN };
    await using _api = millrace(['api', '--port', String(port)], { env });
    await untilReady(url);
    const json = join(folder, `${kind.kind}.json`);
    await using load = millrace(['load', url, '--yes', ...SHORT, '--json', json], { env });
    const { code } = await load.waitForExit({ timeoutMs: 55_000 });
    expect([code, load.output]).toEqual([0, expect.stringContaining('saturation is left out')]);
    const { scenarios } = readResults(json);
    expect(scenarios.map(({ name, gaps }) => [name, gaps])).toEqual(
      SCENARIO_NAMES.filter((name) => name !== 'saturation').map((name) => [name, []]),
    );
    expect(scenarios[1]).toMatchObject({ accepted: 995, refused: 5, executed: 990, dead: 5 });
    expect(`${load.output}${readFileSync(json, 'utf8')}`).not.toMatch(/not for arguments|thirty-two/);
    const { tasks } = (await client.info()).faktory as unknown as { tasks: { Dead: { size: number } } };
    expect(tasks.Dead.size).toBe(0);
    expect(await client.fetch('millrace-load', 'default')).toMatchObject({ jid });
  });
});
