import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { startEmbeddedFaktory } from '../../src/embedded/index.ts';
import { answersIn, type HttpPeer, openPeer } from '../api/raw-http.ts';
import { freePort } from '../helpers/free-port.ts';
import type { RunningProcess } from '../helpers/process.ts';
import { until } from '../helpers/until.ts';
import { millrace, untilReady } from '../system/millrace.ts';
import { HttpClient, p99 } from './http-client.ts';
import { Ledger } from './ledger.ts';
import { linesWith, localWorker } from './local.ts';

const SLOW_HEADS = 2_000;
const SLOW_BODIES = 1_000;
const SILENT_ONES = 500;
/** What the API lets open at once. */
const MOST = 10_000;
const HEALTHY = 10;

const HEAD = 'POST /jobs/run HTTP/1.1\r\nhost: a\r\n';
const GET = 'GET /health HTTP/1.1\r\nhost: a\r\n\r\n';

it('row 39: thousands of slow connections are cut in their time, and healthy clients do not notice', async () => {
  using ledger = new Ledger({ row: 39, name: 'slow-loris' });
  await using faktory = await startEmbeddedFaktory({ port: 0 });
  await using api = await startApiProcess(faktory.url);
  await using worker = localWorker(ledger, faktory.url);
  await worker.work();
  using client = new HttpClient(api.url, ledger);
  const load = keepPosting(client);
  const began = performance.now();
  const heads = await open(api.port, SLOW_HEADS, HEAD);
  const bodies = await open(api.port, SLOW_BODIES, `${HEAD}content-length: 1000\r\n\r\n{`);
  const silent = await open(api.port, SILENT_ONES, '');
  const drip = setInterval(() => {
    for (const { socket } of heads) if (socket.writable) socket.write('x');
    for (const { socket } of bodies) if (socket.writable) socket.write(' ');
  }, 3_000);
  const cut = [...heads, ...silent];
  await until(() => cut.every(({ socket }) => socket.closed), { timeoutMs: 60_000, everyMs: 100 });
  ledger.note('slow connections', SLOW_HEADS + SLOW_BODIES + SILENT_ONES);
  ledger.note('heads cut after s', Math.round((performance.now() - began) / 1_000));
  if (process.env.MILLRACE_LONG) {
    await until(() => bodies.every(({ socket }) => socket.closed), { timeoutMs: 60_000, everyMs: 100 });
    ledger.note('bodies cut after s', Math.round((performance.now() - began) / 1_000));
    for (const peer of bodies) expect(answersIn(peer.text)).toEqual(['408 REQUEST_TIMEOUT']);
  }
  clearInterval(drip);
  await load.stop();
  for (const { socket } of bodies) socket.destroy();
  await until(() => ledger.missing().length === 0);
  ledger.note('healthy requests', client.answers.length);
  ledger.note('p99 ms', Math.round(p99(client.answers.map(({ ms }) => ms))));
  ledger.note('rss MB', await api.rssMb());
  const { executed, lost } = ledger.settle();
  for (const peer of heads) expect(answersIn(peer.text)).toEqual(['408 REQUEST_TIMEOUT']);
  expect(Object.keys(client.statuses())).toEqual(['202']);
  // What half came was no job.
  expect({ lost, executed }).toEqual({ lost: 0, executed: client.answers.length });
  expect(ledger.runs().filter(({ what }) => what === 'start')).toHaveLength(executed);
});

it('row 39: as many kept-alive clients as may be: those that are in are served, those beyond are told of', async () => {
  using ledger = new Ledger({ row: 39, name: `${MOST.toLocaleString('en-US')} kept-alive connections` });
  await using faktory = await startEmbeddedFaktory({ port: 0 });
  await using api = await startApiProcess(faktory.url);
  await using worker = localWorker(ledger, faktory.url);
  await worker.work();
  using client = new HttpClient(api.url, ledger, {}, HEALTHY);
  const load = keepPosting(client);
  await until(() => client.answers.length > 10 * HEALTHY);
  const peers = await open(api.port, MOST + 500, GET);
  await until(() => peers.every(({ socket, text }) => socket.closed || text.includes('200 OK')), {
    timeoutMs: 60_000,
    everyMs: 50,
  });
  const served = peers.filter(({ text }) => text.includes('200 OK')).length;
  await api.process.waitForLine(/connections were refused/);
  const before = client.answers.length;
  await until(() => client.answers.length > before + 10 * HEALTHY);
  ledger.note('served', served);
  ledger.note('refused', peers.length - served);
  ledger.note('rss MB', await api.rssMb(client));
  await load.stop();
  ledger.note('p99 ms', Math.round(p99(client.answers.map(({ ms }) => ms))));
  // There is room again as soon as some have left.
  for (const { socket } of peers) socket.destroy();
  await until(() => openPeer(api.port).then(isServed));
  await until(() => ledger.missing().length === 0);
  const { lost } = ledger.settle();
  expect(lost).toBe(0);
  // Who asked whether it is ready may keep a connection, too.
  expect(served).toBeLessThanOrEqual(MOST - HEALTHY);
  expect(served).toBeGreaterThan(MOST - HEALTHY - 10);
  expect(Object.keys(client.statuses())).toEqual(['202']);
  expect(linesWith(api.process.lines, /connections were refused/)).toHaveLength(1);
});

async function isServed(peer: HttpPeer): Promise<boolean> {
  peer.socket.write(GET);
  await until(() => peer.socket.closed || peer.text !== '');
  peer.socket.destroy();
  return peer.text.includes('200 OK');
}

interface ApiProcess extends AsyncDisposable {
  readonly process: RunningProcess;
  readonly port: number;
  readonly url: string;
  /** `client`: where no further connection is to be had. */
  rssMb(client?: HttpClient): Promise<number>;
}

/** A process of its own: each has 20,000 file descriptors. */
async function startApiProcess(faktoryUrl: string): Promise<ApiProcess> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = millrace(['api'], {
    env: { FAKTORY_URL: faktoryUrl, API_PORT: String(port), LOG_PRETTY: 'false' },
  });
  await untilReady(url);
  return {
    process: child,
    port,
    url,
    rssMb: async (client) => {
      const asked = client?.ask('GET', '/metrics').then(({ body }) => body);
      const text = await (asked ?? (await fetch(`${url}/metrics`)).text());
      return Math.round(Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1]) / 2 ** 20);
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

/** Connections from many addresses, a few hundred at a time, each of which has sent `bytes`. */
async function open(port: number, count: number, bytes: string): Promise<HttpPeer[]> {
  const peers: HttpPeer[] = [];
  while (peers.length < count) {
    const some = Array.from({ length: Math.min(250, count - peers.length) }, async (_, i) => {
      const peer = await openPeer(port, `127.0.0.${2 + ((peers.length + i) % 200)}`);
      peer.socket.write(bytes);
      return peer;
    });
    peers.push(...(await Promise.all(some)));
  }
  return peers;
}

/** Ten clients that post a job every 50 ms. */
function keepPosting(client: HttpClient): { stop(): Promise<void> } {
  let going = true;
  const loops = Array.from({ length: HEALTHY }, async () => {
    while (going) {
      await client.push();
      await pause(50);
    }
  });
  return {
    stop: async () => {
      going = false;
      await Promise.all(loops);
    },
  };
}
