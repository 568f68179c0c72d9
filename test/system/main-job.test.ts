import { describe, expect, it } from 'vitest';
import { describeOnEachFaktory } from '../helpers/each-faktory.ts';
import { freePort } from '../helpers/free-port.ts';
import { EXAMPLE_HANDLERS, hasCurl, MAIN, millrace, shell, untilReady } from './millrace.ts';

const curlIsHere = await hasCurl();

/** What curl -d sends, for where there is no curl. */
async function post(url: string, body: string): Promise<string> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return (await fetch(url, { method: 'POST', headers, body })).text();
}

describe('millrace dev', () => {
  it('runs everything, and the curl that it prints, and ends by Ctrl-C', async () => {
    const port = await freePort();
    await using dev = millrace(['dev'], {
      env: { API_PORT: String(port), FAKTORY_URL: `tcp://127.0.0.1:${await freePort()}` },
    });
    await dev.waitForLine(/embedded, in memory: it keeps nothing over a restart$/);
    const [, curl] = await dev.waitForLine(/Try +(curl .*)$/);
    expect(curl).toBe(
      String.raw`curl -s -X POST http://127.0.0.1:${port}/jobs/add -d "{\"a\": 1, \"b\": 2}"`,
    );
    const answer = curlIsHere
      ? await shell(curl!)
      : await post(`http://127.0.0.1:${port}/jobs/add`, '{"a": 1, "b": 2}');
    expect(JSON.parse(answer)).toEqual({ jid: expect.stringMatching(/^[\w-]{16}$/), queue: 'default' });
    await dev.waitForLine(/\{"jobtype":"add","a":1,"b":2,"result":3\}/);
    expect(dev.lines.filter((line) => line.includes('Concurrency: 500 jobs per worker'))).toHaveLength(1);
    dev.kill('SIGINT');
    expect(await dev.waitForExit({ timeoutMs: 3_000 })).toEqual({ code: 0, signal: null });
  });

  it('under npm, takes the Ctrl-C that npm passes on for the same one', async () => {
    const env = {
      API_PORT: String(await freePort()),
      FAKTORY_URL: `tcp://127.0.0.1:${await freePort()}`,
      npm_lifecycle_event: 'start',
    };
    await using dev = millrace(['dev'], { env });
    await dev.waitForLine(/Ctrl-C/);
    dev.kill('SIGINT');
    dev.kill('SIGINT');
    expect(await dev.waitForExit({ timeoutMs: 3_000 })).toEqual({ code: 0, signal: null });
  });

  it('ends by Ctrl-C within its 3 s although a job runs on', async () => {
    const port = await freePort();
    await using dev = millrace(['dev'], {
      env: { API_PORT: String(port), FAKTORY_URL: `tcp://127.0.0.1:${await freePort()}` },
    });
    await dev.waitForLine(/Ctrl-C/);
    await post(`http://127.0.0.1:${port}/jobs/pause`, '{"ms": 600000}');
    await post(`http://127.0.0.1:${port}/jobs/add`, '{"a": 1, "b": 2}');
    // Jobs start in the order they were pushed: the long one runs.
    await dev.waitForLine(/"result":3/);
    dev.kill('SIGINT');
    expect(await dev.waitForExit({ timeoutMs: 3_000 })).toEqual({ code: 0, signal: null });
  });
});

describeOnEachFaktory('API and worker, apart', (kind) => {
  it('run the job of the document', async () => {
    await using faktory = await kind.start({ password: 's3cret' });
    const port = await freePort();
    const env = { FAKTORY_URL: faktory.url, API_PORT: String(port) };
    await using api = millrace(['api'], { env });
    await using worker = millrace(['worker', EXAMPLE_HANDLERS], { env });
    await api.waitForLine(/the API listens on http:\/\/127\.0\.0\.1:/);
    await worker.waitForLine(/Concurrency: 500 jobs per worker/);
    await untilReady(`http://127.0.0.1:${port}`);
    // The line of the user's document, but for the host.
    const line = String.raw`i=7
curl -s -X POST http://127.0.0.1:${port}/jobs/add \
    -d "{\"a\": $i, \"b\": $i}"`;
    const answer = curlIsHere
      ? await shell(line)
      : await post(`http://127.0.0.1:${port}/jobs/add`, '{"a": 7, "b": 7}');
    expect(JSON.parse(answer)).toEqual({ jid: expect.any(String), queue: 'default' });
    await worker.waitForLine(/\{"jobtype":"add","a":7,"b":7,"result":14\}/);
    expect((await api.stop('SIGTERM')).code).toBe(0);
    expect((await worker.stop('SIGTERM')).code).toBe(0);
    expect(`${api.output}${worker.output}`).not.toContain('s3cret');
  });

  it('wait for a Faktory that is not there yet, and say why', async () => {
    const faktoryPort = await freePort();
    const port = await freePort();
    const env = { FAKTORY_URL: `tcp://127.0.0.1:${faktoryPort}`, API_PORT: String(port) };
    await using api = millrace(['api'], { env });
    await using worker = millrace(['worker', EXAMPLE_HANDLERS], { env });
    const why = new RegExp(
      `tcp://127.0.0.1:${faktoryPort} \\(ECONNREFUSED\\): nothing listens there: .* trying again`,
    );
    await api.waitForLine(why);
    await worker.waitForLine(why);
    const refused = await fetch(`http://127.0.0.1:${port}/jobs/add`, { method: 'POST', body: '{}' });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);

    await using faktory = await kind.start({ port: faktoryPort });
    expect(faktory.port).toBe(faktoryPort);
    await untilReady(`http://127.0.0.1:${port}`);
    await post(`http://127.0.0.1:${port}/jobs/add`, '{"a": 1, "b": 2}');
    await worker.waitForLine(/"result":3/);
  });

  it('stop at once by a second signal', async () => {
    await using faktory = await kind.start();
    const env = { FAKTORY_URL: faktory.url };
    await using worker = millrace(['worker', EXAMPLE_HANDLERS], { env });
    await shell(
      `"${process.execPath}" "${MAIN}" push pause '{"ms": 600000}' && \
      "${process.execPath}" "${MAIN}" push add '{"a": 1, "b": 2}'`,
      env,
    );
    await worker.waitForLine(/"result":3/);
    worker.kill('SIGTERM');
    await worker.waitForLine(/stopping; a second signal ends it at once/);
    worker.kill('SIGTERM');
    expect(await worker.waitForExit()).toEqual({ code: 1, signal: null });
  });

  it('take nothing new after SIGTSTP', async () => {
    await using faktory = await kind.start();
    const env = { FAKTORY_URL: faktory.url };
    await using worker = millrace(['worker', EXAMPLE_HANDLERS], { env });
    await worker.waitForLine(/the worker runs jobs of /);
    worker.kill('SIGTSTP');
    await worker.waitForLine(/quiet: fetching no more jobs/);
    expect((await worker.stop('SIGTERM')).code).toBe(0);
  });
});
