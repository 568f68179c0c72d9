import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeOnEachFaktory } from '../helpers/each-faktory.ts';
import { freePort } from '../helpers/free-port.ts';
import { RawClient } from '../helpers/raw-client.ts';
import { EXAMPLE_HANDLERS, MAIN, millrace, ran, shell } from './millrace.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-cli-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('a start that cannot be', () => {
  const takesWhole = 'it takes a whole number from';
  it.each([
    [['api'], { API_PORT: 'abc' }, `API_PORT is "abc", ${takesWhole} 0 to 65535`],
    [['api', '--port', '-1'], {}, `--port (API_PORT) is "-1", ${takesWhole} 0 to 65535`],
    [['worker'], { WORKER_CONCURRENCY: '0' }, `WORKER_CONCURRENCY is "0", ${takesWhole} 1 to 100000`],
    [
      ['dev'],
      { BATCH_AUTO_ENABLED: 'perhaps' },
      'BATCH_AUTO_ENABLED is "perhaps", it takes true or false (also yes/no, 1/0, on/off)',
    ],
    [['push', 'add'], { JOB_RETRY: 'x' }, `JOB_RETRY is "x", ${takesWhole} -1 to 1000`],
    [['faktory', '--port', 'x'], {}, `--port is "x", ${takesWhole} 0 to 65535`],
    [
      ['worker', EXAMPLE_HANDLERS],
      { WORKER_QUEUES: 'retries' },
      'WORKER_QUEUES: queue is "retries", it takes a name that Faktory does not use itself',
    ],
    [
      ['api'],
      { FAKTORY_URL: 'redis://:pass@localhost' },
      'FAKTORY_URL is "redis://…@localhost", it takes tcp://host:7419, or tcp+tls://host:7419 for TLS',
    ],
    [
      ['api'],
      { API_HOST: '0.0.0.0' },
      'API_HOST is "0.0.0.0", which other machines can reach: set API_TOKEN, or API_INSECURE=true to do without',
    ],
    [['worker'], {}, 'HANDLERS_FILE is not set and no file was named: which module has the handlers?'],
    [['push'], {}, 'name a jobtype, or a file of jobs with --file; see millrace push --help'],
    [['push', 'add', 'x'], {}, `argument 1 is not JSON: x; for a string, write '"x"'`],
    [
      ['faktory'],
      { NODE_ENV: 'production' },
      'the embedded Faktory keeps nothing over a restart and does not run in production: run a real Faktory',
    ],
    [
      ['dev'],
      { FAKTORY_URL: 'tcp://10.0.0.1:7419' },
      'FAKTORY_URL is "tcp://10.0.0.1:7419", but the embedded Faktory takes an address of this machine only, ' +
        'such as tcp://127.0.0.1:7419; `millrace api` and `millrace worker` use a Faktory elsewhere',
    ],
  ] as [string[], Record<string, string>, string][])(
    'millrace %j with %j: one line, exit 1',
    async (args, env, line) => {
      expect(await ran(args, { env, cwd: folder })).toEqual({ code: 1, lines: [`millrace: ${line}`] });
    },
  );

  it.each([
    [['api', '--nonsense'], "unknown option '--nonsense'; see millrace api --help"],
    [['wroker'], "unknown command 'wroker' (Did you mean worker?); see millrace --help"],
    [['dead', 'discrad'], "unknown command 'discrad' (Did you mean discard?); see millrace dead --help"],
  ])('%j is not known: one line, exit 1', async (args, line) => {
    expect(await ran(args)).toEqual({ code: 1, lines: [`millrace: ${line}`] });
  });

  it('handlers with a fault are told by their place', async () => {
    const file = join(folder, 'broken.mjs');
    await writeFile(file, '\nexport const a = ;');
    const line = `millrace: the handlers file ${file} does not load: Unexpected token ';' (${file}:2)`;
    expect(await ran(['worker', file])).toEqual({ code: 1, lines: [line] });
  });

  it('a taken port is told with the variable to change', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const api = { API_PORT: String(port), FAKTORY_URL: `tcp://127.0.0.1:${await freePort()}` };
    const apiLine = `millrace: port ${port} of 127.0.0.1 is taken: end what listens there, or set API_PORT to another`;
    expect(await ran(['api'], { env: api })).toEqual({ code: 1, lines: [apiLine] });
    expect(await ran(['dev'], { env: api })).toEqual({ code: 1, lines: [apiLine] });

    const faktory = { FAKTORY_URL: `tcp://127.0.0.1:${port}` };
    const start = `millrace: port ${port} of 127.0.0.1 is taken, by another Faktory perhaps: end what listens there`;
    expect(await ran(['dev'], { env: faktory })).toEqual({
      code: 1,
      lines: [`${start}, or set FAKTORY_URL to another address, such as tcp://127.0.0.1:7420`],
    });
    expect(await ran(['faktory'], { env: faktory })).toEqual({
      code: 1,
      lines: [`${start}, or take another with --port`],
    });
    taken.close();
  });
});

describe('.env', () => {
  it('is read where millrace runs, and the environment wins over it', async () => {
    const env = join(folder, 'with-env');
    await shell(`mkdir "${env}"`);
    await writeFile(join(env, '.env'), 'API_PORT=wrong\nAPI_HOST=0.0.0.0\n');
    expect((await ran(['api'], { cwd: env })).lines).toEqual([
      'millrace: API_PORT is "wrong", it takes a whole number from 0 to 65535',
    ]);
    const fixed = await ran(['api'], { cwd: env, env: { API_PORT: '0' } });
    expect(fixed.lines).toEqual([expect.stringMatching(/^millrace: API_HOST is "0.0.0.0", which other/)]);
  });

  it('that cannot be read is told', async () => {
    const env = join(folder, 'with-folder');
    await shell(`mkdir -p "${env}/.env"`);
    const { code, lines } = await ran(['api'], { cwd: env });
    expect([code, lines]).toEqual([1, [expect.stringMatching(/^millrace: .env cannot be read: EISDIR/)]]);
  });
});

describe('the API over HTTP', () => {
  it('asks for its token, and tells that Faktory is away', async () => {
    const port = await freePort();
    const env = {
      API_PORT: String(port),
      API_TOKEN: 's3cret',
      FAKTORY_URL: `tcp://127.0.0.1:${await freePort()}`,
    };
    await using api = millrace(['api', '--host', '0.0.0.0'], { env });
    await api.waitForLine(/the API listens on/);
    const post = (headers: Record<string, string>) =>
      fetch(`http://127.0.0.1:${port}/jobs/add`, { method: 'POST', body: '{}', headers });
    expect((await post({})).status).toBe(401);
    expect((await post({ authorization: 'Bearer s3cret' })).status).toBe(503);
    expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200);
    expect((await api.stop('SIGTERM')).code).toBe(0);
    expect(api.output).not.toContain('s3cret');
  });
});

describe('millrace push without Faktory', () => {
  it('gives up with the address, the cause and the next step', async () => {
    const port = await freePort();
    expect(await ran(['push', 'add'], { env: { FAKTORY_URL: `tcp://127.0.0.1:${port}` } })).toEqual({
      code: 1,
      lines: [
        `millrace: tcp://127.0.0.1:${port} (ECONNREFUSED): nothing listens there: is Faktory running, and is FAKTORY_URL right?`,
      ],
    });
  });
});

describeOnEachFaktory('millrace push', (kind) => {
  it('pushes one job and prints its jid', async () => {
    await using faktory = await kind.start();
    const env = { FAKTORY_URL: faktory.url };
    const { code, lines } = await ran(['push', 'add', '{"a": 1}', '"two"', '--queue', 'q', '--retry', '0'], {
      env,
    });
    expect(code).toBe(0);
    expect(await fetchJob(faktory, 'q')).toMatchObject({
      jid: lines[0],
      jobtype: 'add',
      args: [{ a: 1 }, 'two'],
      retry: 0,
      reserve_for: 1800,
    });
  });

  it('pushes jobs for later', async () => {
    await using faktory = await kind.start();
    const env = { FAKTORY_URL: faktory.url };
    expect((await ran(['push', 'add', '--in', '1h'], { env })).code).toBe(0);
    expect((await ran(['push', 'add', '--at', '2099-01-31T09:00:00Z'], { env })).code).toBe(0);
    await using client = await connect(faktory);
    expect(await client.ask('INFO')).toMatch(/"Scheduled":\{[^}]*"size":2\b/i);
  });

  it('pushes a file, tells each bad line by its number, and ends with 1', async () => {
    await using faktory = await kind.start();
    const env = { FAKTORY_URL: faktory.url };
    const jobs = Array.from({ length: 2_500 }, (_, i) => JSON.stringify({ jobtype: 'add', args: [i] }));
    jobs[99] = 'oops';
    jobs[1_999] = '{"jobtype":""}';
    const file = join(folder, `${kind.kind}.ndjson`);
    await writeFile(file, jobs.join('\n'));
    const { code, lines } = await ran(['push', '--file', file], { env });
    expect(code).toBe(1);
    expect(lines.filter((line) => line.startsWith('line ')).sort()).toEqual([
      expect.stringMatching(/^line 100: not JSON: /),
      expect.stringMatching(/^line 2000: jobtype is "", it takes /),
    ]);
    expect(lines).toContainEqual(
      expect.stringMatching(/^2,498 jobs pushed, 2 failed, in [\d.]+ s \([\d,]+ jobs\/s\)$/),
    );
    await using client = await connect(faktory);
    expect(await client.ask('INFO')).toMatch(/"total_enqueued":2498\b/);
  });

  it('pushes lines of standard input as arguments', async () => {
    await using faktory = await kind.start();
    const line = `printf '[1,2]\\n{"a":1}\\n' | "${process.execPath}" "${MAIN}" push add --file -`;
    expect(await shell(line, { FAKTORY_URL: faktory.url })).toMatch(/^2 jobs pushed, 0 failed/);
    const jobs = [await fetchJob(faktory, 'default'), await fetchJob(faktory, 'default')];
    expect(jobs.map(({ args }) => args)).toEqual([[1, 2], [{ a: 1 }]]);
  });
});

interface Target {
  host: string;
  port: number;
}

async function connect({ host, port }: Target): Promise<RawClient> {
  const client = await RawClient.connect({ host, port });
  await client.reply();
  await client.ask('HELLO {"v":2,"wid":"raw-client","hostname":"test","pid":1,"labels":[]}');
  return client;
}

async function fetchJob(faktory: Target, queue: string): Promise<{ args: unknown[] }> {
  await using client = await connect(faktory);
  const reply = await client.ask(`FETCH ${queue}`);
  return JSON.parse(reply.slice(reply.indexOf('{')));
}
