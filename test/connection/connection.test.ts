import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Receiver } from '../../src/connection/connection.ts';
import { startEmbeddedFaktory } from '../../src/embedded/index.ts';
import { MillraceError } from '../../src/errors.ts';
import { ERROR } from '../../src/protocol/resp.ts';
import { until } from '../helpers/until.ts';
import { ask, Ear, link, linked, turns } from './ask.ts';
import { bulk, OK, Peer, type PeerLink } from './peer.ts';

const coded = (code: string, text = ''): unknown =>
  expect.objectContaining({ code, message: expect.stringContaining(text) });

function hangUp(_hello: string, at: PeerLink): string {
  at.cut();
  return '';
}

/** Has the peer read so many bytes in all, and then no more. */
function readUpTo({ socket }: PeerLink, bytes: number): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (socket.bytesRead < bytes) return;
      socket.pause();
      socket.off('data', look);
      resolve();
    };
    socket.on('data', look);
    socket.resume();
  });
}

describe('the handshake', () => {
  it('answers HI with HELLO, and is ready with OK', async () => {
    await using peer = await Peer.start();
    const hello = { v: 2, hostname: 'h', wid: 'w', pid: 7, labels: ['a'] };
    const { connection, ready } = link({ address: peer.address, hello });
    expect(connection.ready).toBe(false);
    expect(await ready).toBe(connection);
    expect(connection.ready).toBe(true);
    expect(peer.links[0]!.hello).toBe(`HELLO ${JSON.stringify(hello)}`);
    connection.destroy();
  });

  it('proves the password, and needs none where none is asked for', async () => {
    await using guarded = await startEmbeddedFaktory({ password: 'f@ktory pässword' });
    await using open = await startEmbeddedFaktory();
    for (const faktory of [guarded, open]) {
      const address = { host: '127.0.0.1', port: faktory.port, tls: false, password: 'f@ktory pässword' };
      const { connection } = await linked({ address });
      expect((await ask(connection, 'INFO').heard).reply).toContain('"faktory"');
      await connection.close();
    }
  });

  it.each(['wrong', undefined])('ends with FAKTORY_PASSWORD for the password %o', async (password) => {
    await using faktory = await startEmbeddedFaktory({ password: 'secret' });
    const address = { host: '127.0.0.1', port: faktory.port, tls: false, password };
    const { closed, heard } = link({ address });
    const error = await closed;
    expect(error).toEqual(coded('FAKTORY_PASSWORD', 'FAKTORY_PASSWORD'));
    expect(error?.message).not.toMatch(/wrong|secret|\n/);
    expect(heard).toEqual(['closed FAKTORY_PASSWORD']);
  });

  it.each([
    ['another version', '+HI {"v":3}\r\n', 'FAKTORY_VERSION'],
    ['an error', '-ERR no\r\n', 'PROTOCOL_VIOLATION'],
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'PROTOCOL_VIOLATION'],
    ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n', 'PROTOCOL_VIOLATION'],
    ['Redis', '-NOAUTH Authentication required.\r\n', 'PROTOCOL_VIOLATION'],
    ['two greetings', '+HI {"v":2}\r\n+HI {"v":2}\r\n', 'PROTOCOL_VIOLATION'],
  ])('ends when the peer greets with %s', async (_name, hi, code) => {
    await using peer = await Peer.start({ hi, welcome: '' });
    const { closed, heard } = link({ address: peer.address });
    const error = await closed;
    expect(error).toEqual(coded(code));
    expect(error?.message).toMatch(/^.{1,200}$/);
    expect(heard).toEqual([`closed ${code}`]);
  });

  it.each([
    ['an error', '-ERR Go away\r\n', 'PROTOCOL_VIOLATION', 'Go away'],
    ['another word', '+WELCOME\r\n', 'PROTOCOL_VIOLATION', 'WELCOME'],
    ['a null', '$-1\r\n', 'PROTOCOL_VIOLATION', ''],
    ['a bulk string', '$2\r\nOK\r\n', 'PROTOCOL_VIOLATION', ''],
    ['its limit', '-ERR too many connections: 2001\r\n', 'CONNECTION_LIMIT', 'FAKTORY_MAX_CONNECTIONS'],
  ])('ends when the peer answers HELLO with %s', async (_name, welcome, code, text) => {
    await using peer = await Peer.start({ welcome });
    const { closed, heard } = link({ address: peer.address });
    expect(await closed).toEqual(coded(code, text));
    expect(heard).toEqual([`closed ${code}`]);
  });

  it.each([
    ['on connecting', { hi: '' }, (at: PeerLink) => at.cut(), 'FAKTORY_UNREACHABLE', 'during the handshake'],
    ['on HELLO', { welcome: hangUp }, () => {}, 'HELLO_REFUSED', 'at HELLO without a word'],
  ] as const)('tells of a peer that closes without a word %s', async (_name, options, onLink, code, text) => {
    await using peer = await Peer.start(options);
    const { closed } = link({ address: peer.address });
    void peer.link(0).then(onLink);
    expect(await closed).toEqual(coded(code, text));
  });

  it('tells of a port where nothing listens, naming the address and the next step', async () => {
    const peer = await Peer.start();
    const { address } = peer;
    await peer.close();
    const error = await link({ address }).closed;
    expect(error).toEqual(coded('FAKTORY_UNREACHABLE', `tcp://127.0.0.1:${address.port} (ECONNREFUSED)`));
    expect(error?.cause).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('takes no command before it is ready: such a one never left', async () => {
    await using peer = await Peer.start();
    const { connection, ready } = link({ address: peer.address });
    const early = ask(connection, 'INFO');
    expect(early).toMatchObject({ times: 1, error: coded('CONNECTION_LOST'), written: false });
    await ready;
    connection.destroy();
    expect(early.times).toBe(1);
  });
});

describe('replies', () => {
  it('reach the commands in order, however many and however cut', async () => {
    await using peer = await Peer.start((command, at) => {
      const reply = bulk(`é ${command}`);
      const middle = Buffer.from(reply).length >> 1;
      at.socket.write(Buffer.from(reply).subarray(0, middle));
      at.socket.write(Buffer.from(reply).subarray(middle));
      return undefined;
    });
    const { connection } = await linked({ address: peer.address });
    const ears = Array.from({ length: 1_000 }, (_, k) => ask(connection, `QUEUE ${k}`));
    expect(connection.unanswered).toBe(1_000);
    for (const [k, ear] of ears.entries()) {
      expect((await ear.heard).reply).toBe(`é QUEUE ${k}`);
      expect(ear.times).toBe(1);
    }
    expect(connection.unanswered).toBe(0);
    connection.destroy();
  });

  it('come with the time their command was written, not that of the reply', async () => {
    await using peer = await Peer.start(() => undefined);
    const { connection } = await linked({ address: peer.address });
    const first = ask(connection, 'FETCH a');
    await peer.received(1);
    const before = performance.now();
    const second = ask(connection, 'FETCH b');
    await peer.received(2);
    peer.links[0]!.say('$-1\r\n$-1\r\n');
    await second.heard;
    expect(first.writtenAt).toBeLessThanOrEqual(before);
    expect(second.writtenAt).toBeGreaterThanOrEqual(before);
    connection.destroy();
  });

  it('may send on: what is sent in a reply goes out in order', async () => {
    await using peer = await Peer.start((command) => bulk(command));
    const { connection } = await linked({ address: peer.address });
    const heard: string[] = [];
    await new Promise<void>((resolve) => {
      const next = (left: number): void => {
        if (left === 0) return resolve();
        connection.send(`QUEUE ${left}\r\n`, {
          onReply: (_kind, text) => {
            heard.push(text);
            next(left - 1);
          },
          onLost: () => resolve(),
        });
      };
      next(5);
    });
    expect(heard).toEqual(['QUEUE 5', 'QUEUE 4', 'QUEUE 3', 'QUEUE 2', 'QUEUE 1']);
    connection.destroy();
  });

  it('that nobody asked for end the connection', async () => {
    await using peer = await Peer.start();
    const { closed } = await linked({ address: peer.address });
    peer.links[0]!.say('+OK\r\n');
    expect(await closed).toEqual(coded('PROTOCOL_VIOLATION', 'nobody asked for'));
  });

  it('that nobody asked for are not taken for those of a command that is still held back', async () => {
    await using peer = await Peer.start(() => '+OK\r\n+surplus\r\n');
    const { connection, closed } = await linked({ address: peer.address });
    const second = new Ear();
    connection.send('INFO\r\n', {
      onReply: () => connection.send('QUEUE PAUSE a\r\n', second),
      onLost: () => {},
    });
    expect(await closed).toEqual(coded('PROTOCOL_VIOLATION', 'surplus'));
    expect(await second.heard).toMatchObject({ times: 1, reply: undefined, written: false });
    expect(peer.commands).toEqual(['INFO']);
  });

  it('that are no replies end the connection, after those before them', async () => {
    await using peer = await Peer.start((command) => (command === 'INFO' ? OK : ':1\r\n'));
    const { connection, closed } = await linked({ address: peer.address });
    const ears = ['INFO', 'FLUSH', 'INFO'].map((command) => ask(connection, command));
    expect(await closed).toEqual(coded('PROTOCOL_VIOLATION'));
    expect(ears.map(({ times, reply, written }) => [times, reply, written])).toEqual([
      [1, 'OK', undefined],
      [1, undefined, true],
      [1, undefined, true],
    ]);
  });
});

describe('a receiver that throws', () => {
  const thrower = (error: unknown): Receiver => ({
    onReply: () => {
      throw error;
    },
    onLost: () => {
      throw error;
    },
  });

  it.each<[string, unknown]>([
    ['an error', new Error('oops')],
    ['an error of this package', new MillraceError('PROTOCOL_VIOLATION', 'oops')],
    ['no error', 'oops'],
  ])('%s is told to the owner, and neither ends nor shifts anything', async (_name, error) => {
    let number = 0;
    await using peer = await Peer.start(() => {
      number += 1;
      return `+${number}\r\n`;
    });
    const { connection, heard } = await linked({ address: peer.address });
    const first = ask(connection, 'A');
    connection.send('B\r\n', thrower(error));
    const others = Array.from({ length: 10 }, () => ask(connection, 'C'));
    await others.at(-1)!.heard;
    expect([first, ...others].map(({ reply, times }) => [reply, times])).toEqual(
      [1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map((k) => [String(k), 1]),
    );
    expect(heard).toEqual(['ready', `threw ${error}`]);
    expect((await ask(connection, 'D').heard).reply).toBe('13');
    await connection.close();
    expect(heard).toEqual(['ready', `threw ${error}`, 'closed on purpose']);
  });

  it('while replies are cut anywhere keeps the rest of them', async () => {
    await using peer = await Peer.start(() => undefined);
    const { connection } = await linked({ address: peer.address });
    connection.send('A\r\n', thrower(new Error('oops')));
    const ear = ask(connection, 'B');
    await peer.received(2);
    // The first reply, whole, and the start of the second in one piece.
    peer.links[0]!.say('+1\r\n$5\r\nhe');
    await turns();
    peer.links[0]!.say('llo\r\n');
    expect((await ear.heard).reply).toBe('hello');
    connection.destroy();
  });

  it('on the last reply does not keep a connection from its end', async () => {
    await using peer = await Peer.start();
    const { connection, heard } = await linked({ address: peer.address });
    connection.send('A\r\n', thrower(new Error('oops')));
    await connection.close();
    expect(heard).toEqual(['ready', 'threw Error: oops', 'closed on purpose']);
  });

  it('when it hears of its loss does not keep the others from theirs', async () => {
    await using peer = await Peer.start(() => undefined);
    const { connection, heard } = await linked({ address: peer.address });
    connection.send('A\r\n', thrower(new Error('oops')));
    const ear = ask(connection, 'B');
    connection.destroy();
    expect([ear.error?.code, ear.times]).toEqual(['CONNECTION_LOST', 1]);
    expect(heard).toEqual(['ready', 'closed CONNECTION_LOST', 'threw Error: oops']);
  });
});

describe('Faktory’s limit of connections', () => {
  it('said after the welcome is a CONNECTION_LIMIT, and not the reply of a command', async () => {
    await using peer = await Peer.start({ welcome: '+OK\r\n-ERR too many connections: 2001\r\n' });
    const { closed, heard } = link({ address: peer.address });
    expect(await closed).toEqual(coded('CONNECTION_LIMIT', 'FAKTORY_MAX_CONNECTIONS'));
    expect(heard).toEqual(['ready', 'closed CONNECTION_LIMIT']);
  });

  it('is told to commands that were sent meanwhile as a loss', async () => {
    await using faktory = await startEmbeddedFaktory({ maxConnections: 1 });
    const address = { host: '127.0.0.1', port: faktory.port, tls: false, password: undefined };
    const first = await linked({ address });
    const second = link({ address });
    const ear = new Ear();
    void second.ready.then((connection) => connection.send('INFO\r\n', ear));
    expect(await second.closed).toEqual(coded('CONNECTION_LIMIT'));
    expect(await ear.heard).toMatchObject({ times: 1, reply: undefined });
    await first.connection.close();
  });

  it('is not seen in an error that only quotes such words', async () => {
    const text = 'ERR invalid FAIL {"message":"too many connections"}';
    await using peer = await Peer.start(() => `-${text}\r\n`);
    const { connection } = await linked({ address: peer.address });
    expect(await ask(connection, 'FAIL x').heard).toMatchObject({ kind: ERROR, reply: text });
    connection.destroy();
  });
});

describe('a loss', () => {
  it.each([
    ['by FIN', (at: PeerLink) => at.cut()],
    ['by RST', (at: PeerLink) => at.reset()],
  ])('%s is told to each command once, the written ones apart', async (_name, cut) => {
    await using peer = await Peer.start((_command, at) => {
      if (at.commands.length === 2) cut(at);
      return undefined;
    });
    const { connection, closed, heard } = await linked({ address: peer.address });
    const written = [ask(connection, 'A'), ask(connection, 'B')];
    connection.flush();
    expect(connection.written).toBe(2);
    expect(await closed).toEqual(coded('CONNECTION_LOST'));
    for (const ear of written) {
      expect(ear).toMatchObject({ times: 1, error: coded('CONNECTION_LOST'), written: true });
    }
    expect(heard).toEqual(['ready', 'closed CONNECTION_LOST']);
    expect([connection.unanswered, connection.written]).toEqual([0, 0]);
  });

  it('tells those that had not left that they had not', async () => {
    await using peer = await Peer.start(() => undefined);
    const { connection } = await linked({ address: peer.address });
    const written = ask(connection, 'A');
    connection.flush();
    const held = [ask(connection, 'B'), ask(connection, 'C')];
    expect([connection.unanswered, connection.written]).toEqual([3, 1]);
    connection.destroy();
    expect([written, ...held].map((ear) => [ear.times, ear.written])).toEqual([
      [1, true],
      [1, false],
      [1, false],
    ]);
    await until(() => peer.links[0]!.closed);
    expect(peer.commands.filter((command) => command !== 'A')).toEqual([]);
  });

  it('comes to its owner first, so that who sends again does not pick the dead connection', async () => {
    await using peer = await Peer.start(() => undefined);
    const { connection, heard } = await linked({ address: peer.address });
    connection.send('A\r\n', { onReply: () => {}, onLost: () => heard.push('receiver') });
    connection.destroy();
    connection.destroy();
    expect(heard).toEqual(['ready', 'closed CONNECTION_LOST', 'receiver']);
  });

  it('ends what a receiver tries to send while it hears of it', async () => {
    await using peer = await Peer.start(() => undefined);
    const { connection } = await linked({ address: peer.address });
    const again = new Ear();
    connection.send('A\r\n', { onReply: () => {}, onLost: () => connection.send('A\r\n', again) });
    const other = ask(connection, 'B');
    connection.destroy();
    expect([again.times, again.written, other.times]).toEqual([1, false, 1]);
  });

  it('names the fault that caused it', async () => {
    await using peer = await Peer.start((_command, at) => {
      at.reset();
      return undefined;
    });
    const { connection, closed } = await linked({ address: peer.address });
    ask(connection, 'A');
    const error = await closed;
    expect(error).toEqual(coded('CONNECTION_LOST', 'ECONNRESET'));
    expect(error?.cause).toMatchObject({ code: 'ECONNRESET' });
  });
});

describe('writing', () => {
  it('holds the commands of a tick back, and the larger ones not for long', async () => {
    await using peer = await Peer.start();
    const { connection } = await linked({ address: peer.address });
    for (let k = 0; k < 10; k += 1) ask(connection, `QUEUE ${k}`);
    expect([connection.unanswered, connection.written]).toEqual([10, 0]);
    ask(connection, `PUSHB ${'x'.repeat(64 * 1024)}`);
    expect([connection.unanswered, connection.written]).toEqual([11, 11]);
    const commands = await peer.received(11);
    expect(commands.slice(0, 10)).toEqual(Array.from({ length: 10 }, (_, k) => `QUEUE ${k}`));
    await until(() => connection.unanswered === 0);
    connection.flush();
    connection.destroy();
  });
});

describe('close', () => {
  it('says END once all is answered', async () => {
    await using peer = await Peer.start((command) => (command === 'INFO' ? OK : undefined));
    const { connection, closed } = await linked({ address: peer.address });
    const ear = ask(connection, 'SLOW');
    const closing = connection.close();
    expect(connection.ready).toBe(false);
    const late = ask(connection, 'INFO');
    expect(late).toMatchObject({ times: 1, written: false });
    await peer.received(1);
    expect(peer.links[0]!.closed).toBe(false);
    peer.links[0]!.say(OK);
    await closing;
    expect(ear.reply).toBe('OK');
    expect(await closed).toBeUndefined();
    expect(peer.links[0]!.chunks.join('')).toBe('SLOW\r\nEND\r\n');
  });

  it('is no loss when the peer resets the connection on END', async () => {
    await using peer = await Peer.start((command, at) => {
      if (command === 'END') at.reset();
      return undefined;
    });
    const { connection, closed } = await linked({ address: peer.address });
    await connection.close();
    expect(await closed).toBeUndefined();
  });

  it('at rest ends at once and is told as on purpose; again and after it there is nothing to do', async () => {
    await using faktory = await startEmbeddedFaktory();
    const address = { host: '127.0.0.1', port: faktory.port, tls: false, password: undefined };
    const { connection, heard } = await linked({ address });
    await Promise.all([connection.close(), connection.close()]);
    await connection.close();
    connection.destroy();
    expect(heard).toEqual(['ready', 'closed on purpose']);
    expect(faktory.counts().connections).toBe(0);
  });

  it('while connecting ends the attempt', async () => {
    await using peer = await Peer.start({ hi: '' });
    const { connection, heard } = link({ address: peer.address });
    await peer.link(0);
    await connection.close();
    expect(heard).toHaveLength(1);
    await until(() => peer.links[0]!.closed);
  });

  it('resolves also when the connection dies first, and tells the loss', async () => {
    await using peer = await Peer.start((_command, at) => {
      at.cut();
      return undefined;
    });
    const { connection, closed } = await linked({ address: peer.address });
    const ear = ask(connection, 'A');
    await connection.close();
    expect(await closed).toEqual(coded('CONNECTION_LOST'));
    expect(ear).toMatchObject({ times: 1, written: true });
  });
});

describe('time', () => {
  // Only time stands still; sockets do not.
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('ends an attempt that nobody answers', async () => {
    await using peer = await Peer.start({ hi: '' });
    const { closed } = link({ address: peer.address, connectTimeoutMs: 5_000 });
    await peer.link(0);
    await turns();
    vi.advanceTimersByTime(5_000);
    expect(await closed).toEqual(coded('FAKTORY_UNREACHABLE', 'did not finish the handshake within 5000 ms'));
  });

  it('does not end one that was welcomed', async () => {
    await using peer = await Peer.start();
    const { connection } = await linked({ address: peer.address, connectTimeoutMs: 5_000 });
    vi.advanceTimersByTime(60_000);
    await turns();
    expect(connection.ready).toBe(true);
    connection.destroy();
  });

  it('never ends a connection at rest, nor one that has answered all', async () => {
    await using peer = await Peer.start();
    const { connection } = await linked({ address: peer.address, deadlineMs: 9_000 });
    await ask(connection, 'A').heard;
    vi.advanceTimersByTime(90_000);
    await turns();
    expect(connection.ready).toBe(true);
    await ask(connection, 'B').heard;
    connection.destroy();
  });

  it('ends a connection that is silent until the deadline, and no earlier', async () => {
    await using peer = await Peer.start(() => undefined);
    const { connection, closed } = await linked({ address: peer.address, deadlineMs: 9_000 });
    const ear = ask(connection, 'A');
    await peer.received(1);
    vi.advanceTimersByTime(8_999);
    await turns();
    expect(connection.ready).toBe(true);
    vi.advanceTimersByTime(1);
    expect(await closed).toEqual(coded('CONNECTION_STALLED', '9000 ms'));
    expect(ear).toMatchObject({ times: 1, error: coded('CONNECTION_STALLED'), written: true });
  });

  it('counts from the oldest unanswered command, not from the first one ever', async () => {
    await using peer = await Peer.start((command) => (command === 'A' ? OK : undefined));
    const { connection, closed } = await linked({ address: peer.address, deadlineMs: 9_000 });
    await ask(connection, 'A').heard;
    vi.advanceTimersByTime(8_000);
    const second = ask(connection, 'B');
    await peer.received(2);
    for (const ms of [1_000, 7_999]) {
      vi.advanceTimersByTime(ms);
      await turns();
    }
    expect([connection.ready, second.times]).toEqual([true, 0]);
    vi.advanceTimersByTime(200);
    expect(await closed).toEqual(coded('CONNECTION_STALLED'));
  });

  it('lets a row of slow replies go on for as long as they come: the k-th FETCH rightly waits', async () => {
    await using peer = await Peer.start(() => undefined);
    const { connection } = await linked({ address: peer.address, deadlineMs: 7_000 });
    const ears = Array.from({ length: 20 }, () => ask(connection, 'FETCH default'));
    await peer.received(20);
    for (const ear of ears) {
      vi.advanceTimersByTime(6_900);
      await turns(2);
      peer.links[0]!.say('$-1\r\n');
      await ear.heard;
      expect(ear.error).toBeUndefined();
    }
    connection.destroy();
  });

  it('lets a long reply go on for as long as its bytes come', async () => {
    await using peer = await Peer.start(() => undefined);
    const { connection } = await linked({ address: peer.address, deadlineMs: 9_000 });
    const ear = ask(connection, 'FETCH default');
    await peer.received(1);
    for (const byte of bulk('ünd')) {
      peer.links[0]!.say(byte);
      await turns();
      vi.advanceTimersByTime(8_900);
      await turns();
    }
    expect(ear).toMatchObject({ times: 1, reply: 'ünd' });
    connection.destroy();
  });

  it('does not blame the peer for an event loop that was blocked while the reply came', async () => {
    await using peer = await Peer.start(() => undefined);
    const { connection } = await linked({ address: peer.address, deadlineMs: 9_000 });
    const ear = ask(connection, 'A');
    await peer.received(1);
    // The timers run before the socket is read.
    peer.links[0]!.say(OK);
    vi.advanceTimersByTime(20_000);
    expect((await ear.heard).reply).toBe('OK');
    expect(connection.ready).toBe(true);
    connection.destroy();
  });

  it('does not take a full link for a dead one, but finds a dead one behind it', async () => {
    await using peer = await Peer.start(() => undefined);
    const { connection, closed } = await linked({ address: peer.address, deadlineMs: 9_000 });
    const at = peer.links[0]!;
    at.socket.pause();
    // Twice what is read slowly below: the rest is more than the buffers of two sockets hold.
    const ear = ask(connection, `PUSHB ${'x'.repeat(64 * 1024 * 1024)}`);
    connection.flush();
    // Slowly, four megabytes in each 8.9 s: no reply can come for more than a minute.
    for (let goal = 4_000_000; goal <= 32_000_000; goal += 4_000_000) {
      await readUpTo(at, goal);
      await turns(20);
      vi.advanceTimersByTime(8_900);
      await turns();
      expect(ear.error, `after ${goal} bytes`).toBeUndefined();
    }
    // The rest leaves this process between two looks, and then the peer has its whole deadline to answer.
    vi.advanceTimersByTime(5_000);
    at.socket.resume();
    await peer.received(1);
    vi.advanceTimersByTime(8_900);
    await turns();
    expect(ear.error).toBeUndefined();
    vi.advanceTimersByTime(9_000);
    expect(await closed).toEqual(coded('CONNECTION_STALLED'));
  });

  it('finds a dead link behind which bytes wait to leave', async () => {
    await using peer = await Peer.start(() => undefined);
    const { connection, closed } = await linked({ address: peer.address, deadlineMs: 9_000 });
    peer.links[0]!.socket.pause();
    const ear = ask(connection, `PUSHB ${'x'.repeat(40 * 1024 * 1024)}`);
    connection.flush();
    await turns();
    for (let looks = 0; looks < 3; looks += 1) {
      vi.advanceTimersByTime(9_000);
      await turns();
    }
    expect(await closed).toEqual(coded('CONNECTION_STALLED'));
    expect(ear).toMatchObject({ times: 1, written: true });
  });

  it('does not wait long for a peer that does not close on END', async () => {
    await using peer = await Peer.start();
    const { connection, closed } = await linked({ address: peer.address });
    peer.links[0]!.socket.pause();
    const closing = connection.close();
    vi.advanceTimersByTime(500);
    await closing;
    expect(await closed).toBeUndefined();
  });
});
