import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import autocannon from 'autocannon';
import { expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { describeOnEachFaktory } from '../helpers/each-faktory.ts';
import { freePort } from '../helpers/free-port.ts';
import { startNode } from '../helpers/process.ts';
import { startRelay } from '../helpers/relay.ts';
import { until } from '../helpers/until.ts';

const MAIN = 'dist/cli/main.js';
const HANDLERS = 'test/system/fixtures/ledger-handlers.mjs';
const JOBS = 10_000;

describeOnEachFaktory('10,000 jobs over HTTP, each executed exactly once', (kind) => {
  it.each([{ roundTripMs: 0 }, { roundTripMs: 50 }])(
    'with $roundTripMs ms between',
    async ({ roundTripMs }) => {
      const folder = await mkdtemp(join(tmpdir(), 'millrace-'));
      const ledger = join(folder, 'ledger');
      await using faktory = await kind.start();
      await using relay = await startRelay(faktory.url, { delayMs: roundTripMs / 2 });
      const port = await freePort();
      const env = { FAKTORY_URL: relay.url, API_PORT: String(port), LEDGER: ledger, LOG_PRETTY: 'false' };
      await using api = startNode(MAIN, ['api'], { env });
      await using worker = startNode(MAIN, ['worker', HANDLERS], { env });
      const ready = async (): Promise<boolean> => (await fetch(`http://127.0.0.1:${port}/ready`)).ok;
      await until(() => ready().catch(() => false), { what: 'the API ready' });
      await worker.waitForLine(/Concurrency: 500 jobs per worker/);

      const start = performance.now();
      const result = await submit(`http://127.0.0.1:${port}/jobs/add`);
      expect(result).toMatchObject({ '2xx': JOBS, non2xx: 0, errors: 0, timeouts: 0 });

      const lines = async (): Promise<string[]> =>
        (await readFile(ledger, 'utf8').catch(() => '')).split('\n').slice(0, -1);
      await until(async () => (await lines()).length >= JOBS, {
        timeoutMs: 40_000,
        what: 'every job executed',
        everyMs: 50,
      });
      console.log(
        `${faktory.kind}, ${roundTripMs} ms: ${Math.round(performance.now() - start)} ms from first POST to last run`,
      );

      // Stopped, the worker has reported everything: what were to run again would be seen.
      expect(await worker.stop()).toMatchObject({ code: 0 });
      expect(await api.stop()).toMatchObject({ code: 0 });
      const runs = (await lines()).map((line) => line.split(' ').map(Number));
      expect(runs.map(([a]) => a).sort((a, b) => a! - b!)).toEqual(Array.from({ length: JOBS }, (_, i) => i));
      expect(runs.every(([a, sum]) => sum === a! + 2)).toBe(true);
      await using client = new Client({ url: faktory.url, logger: false });
      const { faktory: info } = (await client.info()) as unknown as { faktory: Info };
      expect(info.sets).toEqual({ dead: 0, retries: 0, scheduled: 0, working: 0 });
      expect(info.queues.default).toBe(0);
      await rm(folder, { recursive: true });
    },
  );
});

interface Info {
  sets: Record<string, number>;
  queues: Record<string, number>;
}

/** The document's load: a body for each request, `{"a": i, "b": 2}`. */
function submit(url: string): Promise<autocannon.Result> {
  let sent = 0;
  return autocannon({
    url,
    amount: JOBS,
    connections: 100,
    requests: [
      {
        method: 'POST',
        setupRequest: (request) => {
          const body = JSON.stringify({ a: sent, b: 2 });
          sent += 1;
          return { ...request, body };
        },
      },
    ],
  });
}
