/** POST /jobs/bulk of whole processes: a body that is larger than anything that may hold it, and the real Faktory. */
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { describeOnEachFaktory } from '../helpers/each-faktory.ts';
import { freePort } from '../helpers/free-port.ts';
import type { RunningProcess } from '../helpers/process.ts';
import { until } from '../helpers/until.ts';
import { millrace } from './millrace.ts';

/** Of each size so many that the body is 200 MB in memory, and a few seconds long on the real Faktory. */
const BODIES = { embedded: { jobs: 100_000, padding: 2_000 }, real: { jobs: 50_000, padding: 200 } };
/** Of what the process may grow: the heap of Node, a window of jobs. A body or an answer held would be more. */
const MOST_GROWTH_MB = 180;

describeOnEachFaktory('a bulk of many jobs', (kind) => {
  it('stores each, tells of each, and holds none', async () => {
    await using faktory = await kind.start();
    await using api = await startApi(faktory.url);
    const { jobs, padding } = BODIES[kind.kind];
    const before = peakMb(api.process);
    const start = performance.now();
    const told = await bulk(api.url, body(jobs, padding));
    const seconds = (performance.now() - start) / 1_000;
    const grown = Math.round(peakMb(api.process) - before);
    console.log(`${kind.kind}: ${Math.round(jobs / seconds)} jobs/s, grown by ${grown} MB`);
    expect(told.last).toEqual({ stored: jobs - jobs / 100, failed: jobs / 100 });
    expect(told.lines).toBe(jobs + 1);
    expect(told.wrong).toEqual([]);
    expect(grown).toBeLessThan(MOST_GROWTH_MB);
    expect(await enqueued(faktory.url)).toBe(jobs - jobs / 100);
  });

  it('at SIGTERM settles what it took and says where it stopped', async () => {
    await using faktory = await kind.start();
    await using api = await startApi(faktory.url);
    // Sends on until it is told to stop, and reads meanwhile: each piece waits for a turn of the event loop.
    let isTold = false;
    const endless = Readable.from(
      (async function* () {
        for (let n = 1; !isTold; n += 100) {
          if (n === 20_001) api.process.kill('SIGTERM');
          yield Array.from({ length: 100 }, (_, index) => job(n + index, 50)).join('');
          await nextTurn();
        }
      })(),
    );
    const { last } = await bulk(api.url, endless, () => {
      isTold = true;
    });
    expect(last).toMatchObject({ failed: 0, error: { code: 'CLOSED' } });
    expect(last.stoppedAt).toBe((last.stored as number) + 1);
    expect(await enqueued(faktory.url)).toBe(last.stored);
    expect(await api.process.waitForExit()).toMatchObject({ code: 0 });
  });
});

function job(n: number, padding: number): string {
  return `{"jobtype":"bulk","queue":"bulk","args":[{"n":${n},"text":"${'x'.repeat(padding)}"}]}\n`;
}

/** Each hundredth line is broken. */
function body(jobs: number, padding: number): Readable {
  return Readable.from(
    (function* () {
      for (let n = 1; n <= jobs; n += 100) {
        let text = '';
        for (let line = n; line < n + 99; line += 1) text += job(line, padding);
        yield `${text}{"jobtype":"bulk"\n`;
      }
    })(),
  );
}

interface Told {
  lines: number;
  last: Record<string, unknown>;
  /** Lines that are not told as they should be. */
  wrong: string[];
}

/** Sends a body and reads the answer meanwhile. */
async function bulk(url: string, sent: Readable, onSums: () => void = () => {}): Promise<Told> {
  const response = await fetch(`${url}/jobs/bulk`, {
    method: 'POST',
    body: Readable.toWeb(sent.on('error', () => {})) as ReadableStream,
    duplex: 'half',
  } as RequestInit);
  expect(response.status).toBe(200);
  const told: Told = { lines: 0, last: {}, wrong: [] };
  let rest = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop()!;
    for (const line of lines) take(told, line);
    if ('stored' in told.last) onSums();
  }
  sent.destroy();
  expect(rest).toBe('');
  return told;
}

function take(told: Told, line: string): void {
  told.lines += 1;
  told.last = JSON.parse(line);
  if ('stored' in told.last) return;
  const isFailed = 'error' in told.last;
  if (told.last.line !== told.lines || isFailed !== (told.lines % 100 === 0)) told.wrong.push(line);
}

async function startApi(url: string) {
  const port = await freePort();
  const child = millrace(['api'], { env: { FAKTORY_URL: url, API_PORT: String(port), LOG_PRETTY: 'false' } });
  const ready = async (): Promise<boolean> => (await fetch(`http://127.0.0.1:${port}/ready`)).ok;
  await until(() => ready().catch(() => false), { what: () => `the API ready: ${child.output}` });
  return {
    process: child,
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

/** The most memory that a process has had until now. */
function peakMb({ pid }: RunningProcess): number {
  const [, kb] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!;
  return Number(kb) / 1_024;
}

async function enqueued(url: string): Promise<number> {
  await using client = new Client({ url, logger: false });
  const { faktory } = (await client.info()) as unknown as { faktory: { queues: Record<string, number> } };
  return faktory.queues.bulk ?? 0;
}
