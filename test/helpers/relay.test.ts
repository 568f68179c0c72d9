import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { EchoServer } from './echo-server.ts';
import { TokenBucket } from './relay/conditions.ts';
import { LineSplitter } from './relay/frames.ts';
import { resetNow } from './relay/reset.ts';
import { startRelay } from './relay.ts';
import { startRelayProcess } from './relay-process.ts';
import { until } from './until.ts';

/** A client that collects what comes and how it ends. */
class Client implements AsyncDisposable {
  readonly socket: Socket;
  readonly chunks: Buffer[] = [];
  /** `end` is a FIN; a code is that of the socket's error. */
  ending: string | undefined;

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    this.socket.on('data', (chunk) => this.chunks.push(chunk));
    this.socket.on('end', () => {
      this.ending ??= 'end';
    });
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      this.ending ??= error.code;
    });
  }

  static async connect({ port }: { port: number }): Promise<Client> {
    const client = new Client(port);
    await once(client.socket, 'connect');
    return client;
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }

  receives(text: string): Promise<boolean> {
    return until(() => this.text === text, { what: () => `${text}, got ${this.text}` });
  }

  ends(how: string): Promise<boolean> {
    return until(() => this.ending === how, { what: () => `an end by ${how}, got ${this.ending}` });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
  }
}

describe('what a relay passes on', () => {
  it.each([0, 3])('is complete and in order, both ways, with %i ms of delay', async (delayMs) => {
    await using server = await EchoServer.start();
    await using relay = await startRelay(server, { delayMs, bufferBytes: 300_000 });
    await using client = await Client.connect(relay);
    const sent = Buffer.from(Array.from({ length: 400_000 }, (_, i) => `${i}\n`).join(''));
    for (let at = 0; at < sent.length; at += 10_007) client.socket.write(sent.subarray(at, at + 10_007));
    await until(() => client.chunks.reduce((sum, chunk) => sum + chunk.length, 0) === sent.length);
    expect(Buffer.concat(client.chunks).equals(sent)).toBe(true);
    expect(relay.bytes).toEqual({ up: sent.length, down: sent.length });
  });

  it('is late by the delay of both ways, and not later for there being much of it', async () => {
    await using server = await EchoServer.start();
    await using relay = await startRelay(server, { delayMs: 40 });
    await using client = await Client.connect(relay);
    const begun = performance.now();
    for (let i = 0; i < 10; i++) client.socket.write(`${i}`);
    await client.receives('0123456789');
    expect(performance.now() - begun).toBeGreaterThanOrEqual(77);
  });

  it('keeps its order when the delay is lowered', async () => {
    await using server = await EchoServer.start();
    await using relay = await startRelay(server, { delayMs: 100 });
    await using client = await Client.connect(relay);
    client.socket.write('slow ');
    await until(() => relay.bytes.up === 5);
    relay.setDelay(0);
    client.socket.write('fast');
    await client.receives('slow fast');
  });

  it('comes a byte at a time when sliced', async () => {
    await using server = await EchoServer.start();
    await using relay = await startRelay(server);
    relay.slice(1, 'down');
    await using client = await Client.connect(relay);
    client.socket.write('+OK\r\n$3\r\nabc\r\n');
    await client.receives('+OK\r\n$3\r\nabc\r\n');
    expect(client.chunks.length).toBeGreaterThan(3);
  });

  it('is not lost when throttled', async () => {
    await using server = await EchoServer.start();
    await using relay = await startRelay(server);
    relay.throttle(100_000, 'up');
    await using client = await Client.connect(relay);
    const begun = performance.now();
    client.socket.write('x'.repeat(10_000));
    await client.receives('x'.repeat(10_000));
    expect(performance.now() - begun).toBeGreaterThanOrEqual(80);
  });

  it('includes the end of one side while the other goes on', async () => {
    await using server = await EchoServer.start();
    await using relay = await startRelay(server, { delayMs: 2 });
    await using client = await Client.connect(relay);
    client.socket.end('last words');
    await client.receives('last words');
    await client.ends('end');
    await until(() => relay.connections === 0);
  });

  it('includes a reset', async () => {
    await using server = await EchoServer.start((_, socket) => resetNow(socket));
    await using relay = await startRelay(server, { delayMs: 2 });
    await using client = await Client.connect(relay);
    client.socket.write('hello');
    await client.ends('ECONNRESET');
    await until(() => relay.connections === 0);
  });

  it('is a reset when there is nobody behind it', async () => {
    await using relay = await startRelay({ host: '127.0.0.1', port: 1 });
    await using client = await Client.connect(relay);
    await client.ends('ECONNRESET');
  });
});

describe('the faults of a relay', () => {
  it('freezes and thaws, and loses nothing', async () => {
    await using server = await EchoServer.start();
    await using relay = await startRelay(server);
    await using client = await Client.connect(relay);
    client.socket.write('before ');
    await client.receives('before ');
    relay.freeze('down');
    client.socket.write('meanwhile');
    await until(() => relay.bytes.down === 'before meanwhile'.length);
    expect(client.text).toBe('before ');
    relay.thaw();
    await client.receives('before meanwhile');
  });

  it('holds the sender back while frozen', async () => {
    await using server = await EchoServer.start();
    await using relay = await startRelay(server, { bufferBytes: 100_000 });
    await using client = await Client.connect(relay);
    relay.freeze('up');
    const bytes = 50_000_000;
    client.socket.write(Buffer.alloc(bytes));
    await until(() => relay.bytes.up > 100_000);
    expect(relay.bytes.up).toBeLessThan(bytes);
    relay.thaw();
    await until(() => relay.bytes.down === bytes);
  });

  it.each([
    [false, 'end'],
    [true, 'ECONNRESET'],
  ])('cuts all connections (reset: %s)', async (reset, ending) => {
    await using server = await EchoServer.start();
    await using relay = await startRelay(server);
    await using one = await Client.connect(relay);
    await using two = await Client.connect(relay);
    await until(() => relay.connections === 2 && server.sockets.size === 2);
    relay.cut({ reset });
    await Promise.all([one.ends(ending), two.ends(ending)]);
    await until(() => relay.connections === 0 && server.sockets.size === 0);
  });

  it('refuses connections and takes them again, on the same port', async () => {
    await using server = await EchoServer.start();
    await using relay = await startRelay(server);
    await using old = await Client.connect(relay);
    await until(() => relay.accepted === 1);
    await relay.refuse(true);
    await expect(Client.connect(relay)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    old.socket.write('still here');
    await old.receives('still here');
    await relay.refuse(false);
    await using fresh = await Client.connect(relay);
    fresh.socket.write('again');
    await fresh.receives('again');
  });

  it('is a black hole: neither side is told of the end of the other', async () => {
    await using server = await EchoServer.start();
    await using relay = await startRelay(server);
    await using lost = await Client.connect(relay);
    lost.socket.write('a');
    await lost.receives('a');
    relay.blackhole(true);
    lost.socket.write('b');
    await until(() => relay.bytes.up === 2);
    relay.blackhole(false);
    await using fresh = await Client.connect(relay);
    fresh.socket.write('c');
    await fresh.receives('c');
    expect([lost.text, lost.ending, server.received]).toEqual(['a', undefined, 'ac']);
    lost.socket.destroy();
    fresh.socket.write('d');
    await fresh.receives('cd');
    expect(server.sockets.size).toBe(2);
  });
});

describe('the rules of a relay', () => {
  /** Answers each command by a reply that repeats it. */
  const answering = () => {
    const splitters = new Map<Socket, LineSplitter>();
    return EchoServer.start((chunk, socket) => {
      const splitter = splitters.get(socket) ?? new LineSplitter();
      splitters.set(socket, splitter);
      for (const line of splitter.split(chunk)) socket.write(`$${line.length - 2}\r\n${line}`);
    });
  };

  it('swallow a reply that matches, whatever the chunks', async () => {
    await using server = await answering();
    await using relay = await startRelay(server, { messages: true });
    relay.slice(1, 'up');
    await using client = await Client.connect(relay);
    const rule = relay.rule({ side: 'down', match: /two/, act: 'swallow' });
    client.socket.write('one\r\ntwo\r\ntwo\r\n');
    await rule.fired;
    await client.receives('$3\r\none\r\n$3\r\ntwo\r\n');
    expect(rule.count).toBe(1);
  });

  it.each([
    ['fin', ['end']],
    ['rst', ['ECONNRESET', 'end']], // a client too busy to read before the reset is told of an end: libuv
  ] as const)('end a connection by %s after the nth reply', async (act, endings) => {
    await using server = await answering();
    await using relay = await startRelay(server, { messages: true, delayMs: 1 });
    await using client = await Client.connect(relay);
    const rule = relay.rule({ side: 'down', nth: 2, act });
    client.socket.write('a\r\nb\r\nc\r\n');
    await rule.fired;
    expect(endings).toContain(await until(() => client.ending));
    expect(client.text).toBe('$1\r\na\r\n$1\r\nb\r\n');
    client.socket.end();
    await until(() => relay.connections === 0 && server.sockets.size === 0);
  });

  it('keep a command from Faktory, and every later one', async () => {
    await using server = await answering();
    await using relay = await startRelay(server, { messages: true });
    await using client = await Client.connect(relay);
    relay.rule({ side: 'up', match: /^ACK/, nth: 2, andLater: true, act: 'swallow' });
    client.socket.write('ACK 1\r\nACK 2\r\nFAIL 3\r\nACK 4\r\nEND\r\n');
    await client.receives('$5\r\nACK 1\r\n$6\r\nFAIL 3\r\n$3\r\nEND\r\n');
    expect(server.received).toBe('ACK 1\r\nFAIL 3\r\nEND\r\n');
  });

  it('stall or lose one connection and no other', async () => {
    await using server = await answering();
    await using relay = await startRelay(server, { messages: true });
    for (const act of ['stall', 'blackhole'] as const) {
      const rule = relay.rule({ side: 'down', match: /now/, act, deliver: false });
      await using held = await Client.connect(relay);
      await using free = await Client.connect(relay);
      held.socket.write('now\r\nlater\r\n');
      await rule.fired;
      free.socket.write('fine\r\n');
      await free.receives('$4\r\nfine\r\n');
      expect([held.text, held.ending]).toEqual(['', undefined]);
    }
  });

  it('need a relay that looks at messages', async () => {
    await using relay = await startRelay({ host: '127.0.0.1', port: 1 });
    expect(() => relay.rule({ side: 'up', act: 'rst' })).toThrow('messages: true');
  });
});

describe('a relay process', () => {
  it('relays, obeys and counts', async () => {
    await using server = await EchoServer.start();
    await using relay = await startRelayProcess(`tcp://:secret@127.0.0.1:${server.port}`, { delayMs: 1 });
    expect(relay.url).toBe(`tcp://:secret@127.0.0.1:${relay.port}`);
    await using client = await Client.connect(relay);
    client.socket.write('hello');
    await client.receives('hello');
    expect(await relay.counts()).toEqual({ connections: 1, accepted: 1, bytes: { up: 5, down: 5 } });
    await relay.cut({ reset: true });
    await client.ends('ECONNRESET');
    await relay.close();
    await expect(Client.connect(relay)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('TokenBucket', () => {
  it('lets its rate pass, and no burst after a rest', () => {
    let now = 0;
    const bucket = new TokenBucket(1_000, () => now);
    expect(bucket.take(100)).toBe(0);
    let passed = 0;
    for (; now < 1_000; now += 5) passed += bucket.take(100);
    expect(passed).toBeGreaterThanOrEqual(990);
    expect(passed).toBeLessThanOrEqual(1_000);
    now += 60_000;
    expect(bucket.take(100)).toBe(10);
  });
});
