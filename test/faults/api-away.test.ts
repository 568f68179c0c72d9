import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { startEmbeddedFaktory } from '../../src/embedded/index.ts';
import { newJid } from '../../src/protocol/job.ts';
import { answersIn, openPeer } from '../api/raw-http.ts';
import { describeOnRealFaktory } from '../helpers/each-faktory.ts';
import { freePort } from '../helpers/free-port.ts';
import type { RunningProcess } from '../helpers/process.ts';
import { until } from '../helpers/until.ts';
import { millrace, untilReady } from '../system/millrace.ts';
import { HttpClient } from './http-client.ts';
import { Ledger } from './ledger.ts';
import { setStage } from './stage.ts';

const CLIENTS = 20;
/** How long Faktory is away; the row says 30 s, which brings nothing that these do not. */
const AWAY_MS = process.env.MILLRACE_LONG ? 30_000 : 6_000;

describeOnRealFaktory('the API', () => {
  it('row 40: answers 503 while Faktory is away, loses nothing that it accepted, and goes on', async () => {
    using ledger = new Ledger({ row: 40, name: 'Faktory away under HTTP load' });
    await using stage = await setStage(ledger);
    const { relay } = stage;
    await stage.startWorker({ url: stage.faktory.url });
    await using api = await startApi(relay.url);
    using client = new HttpClient(api.url, ledger);
    let going = true;
    const startClients = (): Promise<void>[] =>
      Array.from({ length: CLIENTS }, async () => {
        // A program that is told to wait does; this one comes again sooner.
        while (going) if ((await client.push())?.status !== 202) await pause(20);
      });
    const loops = startClients();
    await until(() => ledger.acceptedCount > 500);
    await relay.refuse(true);
    relay.cut({ reset: true });
    const away = performance.now();
    // Those whose pushes were on their way wait for them: others come.
    loops.push(...startClients());
    await until(() => client.answers.at(-1)?.status === 503);
    const from = client.answers.length;
    const ready = new Set<number>();
    let slowest = 0;
    await until(
      async () => {
        const answer = await client.ask('GET', '/ready');
        ready.add(answer.status);
        slowest = Math.max(slowest, answer.ms);
        return performance.now() - away > AWAY_MS;
      },
      { everyMs: 200, timeoutMs: 60_000 },
    );
    const meanwhile = client.answers.slice(from);
    await relay.refuse(false);
    ledger.cleared();
    const back = performance.now();
    await untilReady(api.url);
    ledger.note('ready again after ms', Math.round(performance.now() - back));
    const accepted = ledger.acceptedCount;
    await until(() => ledger.acceptedCount > accepted + 500);
    going = false;
    await Promise.all(loops);
    await stage.untilAllRan();
    await stage.untilDrained();
    ledger.note('away ms', AWAY_MS);
    ledger.note('slowest /ready meanwhile, ms', Math.round(slowest));
    const report = ledger.settle();
    expect(report).toMatchObject({ lost: 0, ghosts: 0, open: 0 });
    expect(ready).toEqual(new Set([503]));
    expect(meanwhile.length).toBeGreaterThan(CLIENTS);
    for (const { status, headers, body } of meanwhile) {
      expect([status, headers['retry-after']]).toEqual([503, '1']);
      expect(JSON.parse(body).error.code).toBe('FAKTORY_UNREACHABLE');
    }
    // Pushes that were on their way when it went are sent again: their callers waited, or know that nobody knows.
    expect(Object.keys(client.statuses()).filter((status) => !/202|503|504/.test(status))).toEqual([]);
  });

  it('row 40: a client that hangs up cancels what it has not sent, and nothing else', async () => {
    using ledger = new Ledger({ row: 40, name: 'clients that hang up' });
    await using stage = await setStage(ledger);
    await stage.startWorker();
    await using api = await startApi(stage.faktory.url);
    for (let i = 0; i < 200; i += 1) {
      const jid = newJid();
      const body = JSON.stringify({ jobtype: 'run', jid, reserveFor: 60 });
      const bytes = `POST /jobs HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
      const whole = i % 2 === 0;
      const peer = await openPeer(api.port);
      peer.socket.end(whole ? bytes : bytes.slice(0, ledger.int(1, bytes.length - 1)));
      if (whole) ledger.accepted(jid);
      else ledger.refused(jid);
      await until(() => peer.socket.closed);
    }
    await stage.untilAllRan();
    await stage.untilDrained();
    expect(ledger.settle()).toMatchObject({ accepted: 100, refused: 100, lost: 0, ghosts: 0, twice: 0 });
    expect((await fetch(`${api.url}/ready`)).status).toBe(200);
  });
});

it('row 40: wrong tokens hear all the same, and no field can break a line of the log', async () => {
  using ledger = new Ledger({ row: 40, name: 'wrong tokens; CR, LF, ESC in fields' });
  await using faktory = await startEmbeddedFaktory({ port: 0 });
  const token = 'right-token-0123456789';
  await using api = await startApi(faktory.url, { API_TOKEN: token, LOG_LEVEL: 'debug' });
  using client = new HttpClient(api.url, ledger, { authorization: `Bearer ${token}` });
  const bodies = new Set<string>();
  const wrong = [
    '',
    'Bearer',
    'Bearer x',
    `Bearer ${token.slice(0, -1)}`,
    `Bearer ${token}x`,
    `Basic ${token}`,
  ];
  for (const authorization of [...wrong, `Bearer ${'x'.repeat(8_000)}`]) {
    const answer = await client.ask('POST', '/jobs/run', '{}', { authorization });
    bodies.add(`${answer.status} ${answer.body}`);
  }
  const nasty = '\\r\\n{\\"level\\":60}\\u001b[2J\\u0085\\u2028';
  const requests = [
    ['POST', `/jobs/${encodeURIComponent('a\r\n{"level":60}\u001b[2J')}`, '{}'],
    ['POST', '/jobs/run?a=%0d%0a%1b[2J', `{"a":"${nasty}"}`],
    ['POST', '/jobs', `{"jobtype":"${nasty}"}`],
    ['POST', '/jobs', `{"jobtype":"run","queue":"${nasty}"}`],
    ['POST', '/jobs', `{"jobtype":"run","${nasty}":1}`],
    ['GET', '/%0d%0a%1b[2J', ''],
    ['GET', '/\u0085', ''],
  ] as const;
  for (const [method, path, body] of requests)
    await client.ask(method, path, body, { 'x-request-id': 'a b', 'user-agent': 'x' });
  // Raw bytes that no URL may hold never become a request.
  await using peer = await openPeer(api.port);
  peer.socket.write('GET /\u001b[2J HTTP/1.1\r\nhost: a\r\nx-request-id: a\r\n\r\n');
  await until(() => peer.socket.closed);
  const count = requests.length + wrong.length + 1;
  const logged = () => api.process.lines.filter((line) => /"requestId"(?!.*\/ready)/.test(line));
  await until(() => logged().length >= count);
  ledger.note('lines', logged().length);
  ledger.settle();
  expect(bodies.size).toBe(1);
  expect([...bodies][0]).toMatch(/^401 .*UNAUTHORIZED/);
  expect(answersIn(peer.text)).toEqual(['400 REQUEST_INVALID']);
  expect(logged()).toHaveLength(count);
  for (const line of api.process.lines) expect(JSON.parse(line)).toHaveProperty('msg');
  expect(api.process.output).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u0085\u2028]|right-token|"level":60/);
});

interface ApiProcess extends AsyncDisposable {
  readonly process: RunningProcess;
  readonly port: number;
  readonly url: string;
}

async function startApi(faktoryUrl: string, env: Record<string, string> = {}): Promise<ApiProcess> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = millrace(['api'], {
    env: { FAKTORY_URL: faktoryUrl, API_PORT: String(port), LOG_PRETTY: 'false', ...env },
  });
  await untilReady(url);
  return { process: child, port, url, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
}
