/** `millrace bench`, as a process. No figure is asserted: only that each is there. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Results } from '../../src/bench/results.ts';
import { Client } from '../../src/client/client.ts';
import { describeOnEachFaktory } from '../helpers/each-faktory.ts';
import { elementsOf } from '../report/markup.ts';
import { millrace, ran } from './millrace.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const readResults = (file: string): Results => JSON.parse(readFileSync(file, 'utf8')) as Results;

describe('millrace bench', () => {
  it('measures every cell on an embedded Faktory, prints a table, and writes JSON and a report', async () => {
    const json = join(folder, 'bench.json');
    const html = join(folder, 'bench.html');
    const sweep = ['--concurrency', '5,10', '--latency', '0,20', '--jobs', '300', '--rounds', '1'];
    await using bench = millrace(['bench', '--embedded', ...sweep, '--json', json, '--html', html]);
    const { code } = await bench.waitForExit({ timeoutMs: 50_000 });
    expect([code, bench.output]).toEqual([0, expect.stringContaining("Little's bound")]);

    const results = readResults(json);
    expect(results).toMatchObject({ faktory: 'embedded', jobs: 300, jobTimeMs: 0, rounds: 1, cellsAsked: 8 });
    const wanted = [0, 20].flatMap((latencyMs) =>
      [5, 10].flatMap((concurrency) => [0, 'auto'].map((prefetch) => ({ latencyMs, concurrency, prefetch }))),
    );
    expect(results.cells).toMatchObject(wanted);
    for (const cell of results.cells) {
      for (const key of ['jobs', 'seconds', 'jobsPerSecond', 'roundTripMs', 'cpuMicrosPerJob'] as const)
        expect(cell[key], key).toBeGreaterThan(0);
      expect(cell.bytesPerJob).toBeGreaterThan(0);
      expect(cell.littlesBound === null).toBe(cell.prefetch === 'auto');
      expect(cell.bound).toEqual({ kind: expect.any(String), because: expect.stringMatching(/./) });
    }
    const page = readFileSync(html, 'utf8');
    expect(elementsOf(page)).not.toContain('script');
  });

  it('waits in its handlers, counts that time as it was, and takes several rounds', async () => {
    const json = join(folder, 'waiting.json');
    const sweep = ['--concurrency', '10', '--latency', '0', '--jobs', '200', '--job-time', '5'];
    const { code, lines } = await ran(['bench', '--embedded', ...sweep, '--rounds', '2', '--json', json]);
    expect(code).toBe(0);
    expect(
      lines.filter((line) => /^\d\/4 /.test(line)).map((line) => /prefetch.*(?=:)/.exec(line)?.[0]),
    ).toEqual([
      'prefetch 0, round 1',
      'prefetch auto, round 1',
      'prefetch 0, round 2',
      'prefetch auto, round 2',
    ]);
    const { cells } = readResults(json);
    expect(cells).toHaveLength(2);
    for (const { handlerMs, rounds, jobsPerSecond, spread } of cells) {
      expect([handlerMs > 4, rounds.length]).toEqual([true, 2]);
      expect(spread.jobsPerSecond.least).toBeLessThanOrEqual(jobsPerSecond);
      expect(spread.jobsPerSecond.most).toBeGreaterThanOrEqual(jobsPerSecond);
    }
  });

  it('ends early when it is told to, with what there is', async () => {
    const json = join(folder, 'early.json');
    await using bench = millrace([
      'bench',
      '--embedded',
      '--seconds',
      '3',
      '--latency',
      '50',
      '--json',
      json,
    ]);
    await bench.waitForLine(/prefetch 0, round 1: /, { timeoutMs: 50_000 });
    bench.kill('SIGINT');
    const { code } = await bench.waitForExit({ timeoutMs: 30_000 });
    expect([code, bench.output]).toEqual([1, expect.stringMatching(/ended early: \d of 12 measurements/)]);
    expect(readResults(json).cells.length).toBeGreaterThan(0);
  });

  it.each([
    [['--concurrency', '0'], '--concurrency is "0", it takes whole numbers from 1 to 10000'],
    [['--rounds', '0'], '--rounds is "0", it takes whole numbers from 1 to 100'],
    [['--jobs', '100,200'], '--jobs is "100,200", it takes one number'],
    [['--latency', 'far'], '--latency is "far", it takes whole numbers from 0 to 5000'],
  ])('%j: one line, exit 1', async (args, line) => {
    const { code, lines } = await ran(['bench', '--embedded', ...args]);
    expect([code, lines.length, lines[0]]).toEqual([1, 1, expect.stringContaining(line)]);
  });
});

describeOnEachFaktory('millrace bench against a Faktory in use', (kind) => {
  it('asks, and where it cannot ask does nothing', async () => {
    await using faktory = await kind.start();
    const { code, lines } = await ran(['bench'], { env: { FAKTORY_URL: faktory.url } });
    expect([code, lines]).toEqual([1, [expect.stringContaining('say --yes to go ahead, or --embedded')]]);
  });

  it('uses a queue of its own, empties it, and leaves others as they are', async () => {
    await using faktory = await kind.start({ password: 'not for arguments' });
    await using client = new Client({ url: faktory.url, logger: false });
    const jid = await client.push({ jobtype: 'other', args: [] });
    const json = join(folder, `${kind.kind}.json`);
    const sweep = [
      '--concurrency',
      '20',
      '--latency',
      '0',
      '--jobs',
      '20000',
      '--seconds',
      '0.5',
      '--rounds',
      '1',
    ];
    await using bench = millrace(['bench', '--yes', ...sweep, '--json', json], {
      env: { FAKTORY_URL: faktory.url },
    });
    const { code } = await bench.waitForExit({ timeoutMs: 50_000 });
    expect([code, bench.output]).toEqual([0, expect.stringContaining("Little's bound")]);
    expect(readResults(json).cells).toMatchObject([{ faktoryLoad: null }, { faktoryLoad: null }]);
    expect(`${bench.output}${readFileSync(json, 'utf8')}`).not.toContain('arguments');
    expect(await client.fetch('millrace-bench', 'default')).toMatchObject({ jid });
  });
});
