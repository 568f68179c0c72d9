import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { Connection } from '../../src/connection/connection.ts';
import type { MillraceError } from '../../src/errors.ts';
import { describeOnRealFaktory } from '../helpers/each-faktory.ts';
import { ReplySplitter } from '../helpers/relay/frames.ts';
import { until } from '../helpers/until.ts';
import { Ledger } from './ledger.ts';
import { Faults, localWorker, pushJobs } from './local.ts';
import { setStage } from './stage.ts';

const HI = '+HI {"v":2}\r\n';
const OK = '+OK\r\n';
const CODES = [
  'PROTOCOL_VIOLATION',
  'FAKTORY_VERSION',
  'FAKTORY_UNREACHABLE',
  'HELLO_REFUSED',
  'CONNECTION_LOST',
  'FAKTORY_PASSWORD',
];

describe('a server that sends garbage', () => {
  it('row 24: 600 connections, each with other bytes at another point: one clear error each', async () => {
    using ledger = new Ledger({ row: 24, name: 'garbage at any point' });
    await using server = await GarbageServer.start((socket) => {
      const before = ['', HI, HI + OK][ledger.int(0, 2)]!;
      socket.write(Buffer.concat([Buffer.from(before, 'latin1'), garbage(ledger)]));
      // What is no reply is found at once; what could go on for ever ends when the peer does.
      setTimeout(() => socket.destroy(), 20);
    });
    const rss = process.memoryUsage.rss();
    const told = new Map<string, number>();
    for (let round = 0; round < 12; round += 1) {
      const errors = await Promise.all(Array.from({ length: 50 }, () => endOf(server.port)));
      for (const error of errors) {
        expect(CODES).toContain(error?.code);
        expect(error!.message).not.toMatch(/[\r\n]/);
        expect(error!.message.length).toBeLessThan(400);
        told.set(error!.code, (told.get(error!.code) ?? 0) + 1);
      }
    }
    const grown = (process.memoryUsage.rss() - rss) / 2 ** 20;
    for (const [code, count] of told) ledger.note(code, count);
    ledger.note('rss grown by MB', Math.round(grown));
    ledger.settle();
    // Lengths up to a terabyte were promised.
    expect(grown).toBeLessThan(256);
  });

  it('row 24: that says no line end, or a length without end: bounded, and found', async () => {
    using ledger = new Ledger({ row: 24, name: 'endless line, endless length' });
    const heads = [`${HI}${OK}+`, `${HI}${OK}$999999999999\r\n`, '+HI ', `${HI}${OK}$9999999999999\r\n`];
    let at = 0;
    await using server = await GarbageServer.start((socket) => {
      socket.write(heads[at++ % heads.length]!);
      const chunk = Buffer.alloc(256 * 1024, 'x');
      let left = 400;
      const flood = (): void => {
        while (left > 0 && !socket.destroyed) {
          left -= 1;
          if (!socket.write(chunk)) return void socket.once('drain', flood);
        }
        socket.end();
      };
      flood();
    });
    const rss = process.memoryUsage.rss();
    for (const head of heads) {
      const error = await endOf(server.port);
      expect(error?.code, JSON.stringify(head)).toMatch(/^(PROTOCOL_VIOLATION|CONNECTION_LOST)$/);
    }
    const grown = (process.memoryUsage.rss() - rss) / 2 ** 20;
    ledger.note('rss grown by MB', Math.round(grown));
    ledger.settle();
    expect(grown).toBeLessThan(256);
  });
});

describeOnRealFaktory('a link that puts garbage between replies', () => {
  it('row 24: each lane that got some is replaced; every job runs, none twice', async () => {
    using ledger = new Ledger({ row: 24, name: 'garbage between replies' });
    await using stage = await setStage(ledger);
    const { faktory } = stage;
    let garbled = 0;
    let good = 0;
    let on = false;
    await using server = await GarbageServer.start((client) => {
      const inner = connect({ host: faktory.host, port: faktory.port });
      const replies = new ReplySplitter();
      client.on('data', (bytes) => inner.write(bytes));
      inner.on('data', (bytes: Buffer) => {
        for (const reply of replies.split(bytes)) {
          client.write(reply);
          // Behind an OK: on ack lanes, the control lane, and in handshakes, where nothing is stranded.
          if (!on || reply.toString('latin1') !== OK || ++good % 97 !== 0) continue;
          garbled += 1;
          client.write(garbage(ledger));
        }
      });
      inner.on('error', () => {});
      inner.on('close', () => client.destroy());
      client.on('close', () => inner.destroy());
    });
    await using client = new Client({ url: faktory.url, logger: false });
    await using worker = localWorker(ledger, server.url, { concurrency: 200 });
    const faults = new Faults(worker);
    await worker.work();
    on = true;
    for (let round = 0; round < 20; round += 1) {
      await pushJobs(ledger, client, 100);
      await pause(100);
    }
    await until(() => garbled > 5, { timeoutMs: 30_000 });
    on = false;
    ledger.cleared();
    await pushJobs(ledger, client, 100);
    await stage.untilAllRan();
    await until(() => worker.stats().unreported === 0, { timeoutMs: 30_000 });
    await stage.untilDrained();
    ledger.note('garbled', garbled);
    ledger.note('faults', faults.shown);
    expect(ledger.settle()).toMatchObject({ lost: 0, twice: 0, executed: 2_100 });
    expect(faults.count('PROTOCOL_VIOLATION')).toBeGreaterThan(0);
    expect(worker.stats()).toMatchObject({ state: 'running', failed: 0 });
  });
});

/** Bytes that are no reply of Faktory's, by the seed. */
function garbage(ledger: Ledger): Buffer {
  const random = (length: number): Buffer => Buffer.from(Array.from({ length }, () => ledger.int(0, 255)));
  const kinds: (() => Buffer)[] = [
    () => Buffer.concat([Buffer.from('\u0000'), random(ledger.int(1, 2_000))]),
    () =>
      Buffer.concat([Buffer.from([ledger.int(128, 255)]), random(ledger.int(1, 50)), Buffer.from('\r\n')]),
    () => Buffer.from(`$${'9'.repeat(ledger.int(13, 400))}\r\n`),
    () => Buffer.from(`$${['-2', '', 'x', '1e3', '-', '0x10', ' 5'][ledger.int(0, 6)]}\r\n`),
    () => Buffer.from(`$3\r\nabcde\r\n+OK\r\n`),
    () => Buffer.from(`*3\r\n:1\r\n`),
    () => Buffer.from('HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n'),
    () => Buffer.from(`x${'y'.repeat(ledger.int(1, 70_000))}\r\n`),
    () => Buffer.from('SSH-2.0-OpenSSH_9.2p1\r\n'),
  ];
  return kinds[ledger.int(0, kinds.length - 1)]!();
}

/** Connects, sends a command once welcomed, and tells how it ended. */
function endOf(port: number): Promise<MillraceError | undefined> {
  return new Promise((resolve) => {
    const connection = new Connection(
      {
        address: { host: '127.0.0.1', port, tls: false, password: undefined },
        hello: { v: 2, hostname: 'test' },
        deadlineMs: 9_000,
      },
      {
        onReady: () => connection.send('INFO\r\n', { onReply: () => {}, onLost: () => {} }),
        onClosed: (_connection, error) => resolve(error),
      },
    );
  });
}

class GarbageServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(onConnection: (socket: Socket) => void) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
      onConnection(socket);
    });
  }

  static async start(onConnection: (socket: Socket) => void): Promise<GarbageServer> {
    const server = new GarbageServer(onConnection);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `tcp://127.0.0.1:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
