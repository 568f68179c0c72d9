import dns from 'node:dns';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { ConnectionBudget } from '../../src/connection/budget.ts';
import { Lanes } from '../../src/connection/lanes.ts';
import { until } from '../helpers/until.ts';
import { ask, link, linked } from './ask.ts';
import { selfSigned } from './certificate.ts';
import { Peer } from './peer.ts';

const ours = selfSigned();
const theirs = selfSigned();
const elsewhere = selfSigned('faktory.example');
const oneLine = (text: string): unknown =>
  expect.objectContaining({
    code: 'FAKTORY_UNREACHABLE',
    message: expect.stringMatching(new RegExp(`^tcp\\+tls://127\\.0\\.0\\.1:\\d+: TLS failed .*${text}.*$`)),
  });

describe('tcp+tls', () => {
  it('refuses a certificate that nobody vouches for, and sends nothing', async () => {
    await using peer = await Peer.start({ tls: ours });
    const { closed, heard } = link({ address: peer.address });
    expect(await closed).toEqual(oneLine('DEPTH_ZERO_SELF_SIGNED_CERT'));
    expect(heard).toEqual(['closed FAKTORY_UNREACHABLE']);
    expect(peer.links.map(({ hello }) => hello)).not.toContainEqual(expect.anything());
  });

  it('refuses one that another authority vouches for', async () => {
    await using peer = await Peer.start({ tls: ours });
    const { closed } = link({ address: peer.address, tlsOptions: { ca: theirs.cert } });
    expect(await closed).toEqual(oneLine('SELF_SIGNED|UNABLE_TO'));
  });

  it('refuses one for another host', async () => {
    await using peer = await Peer.start({ tls: elsewhere });
    const { closed } = link({
      address: { ...peer.address, host: 'localhost' },
      tlsOptions: { ca: elsewhere.cert },
    });
    expect(await closed).toMatchObject({
      code: 'FAKTORY_UNREACHABLE',
      message: expect.stringMatching(/^tcp\+tls:\/\/localhost.*ERR_TLS_CERT_ALTNAME_INVALID.*localhost/),
    });
  });

  it('refuses one that has expired', async () => {
    const expired = selfSigned('localhost', Date.now() - 60_000);
    await using peer = await Peer.start({ tls: expired });
    const { closed } = link({ address: peer.address, tlsOptions: { ca: expired.cert } });
    expect(await closed).toEqual(oneLine('CERT_HAS_EXPIRED.*expired'));
    expect(peer.links.map(({ hello }) => hello)).not.toContainEqual(expect.anything());
  });

  it('refuses one that is not valid yet', async () => {
    const early = selfSigned('localhost', Date.now() + 24 * 3_600_000);
    await using peer = await Peer.start({ tls: early });
    const { closed } = link({ address: peer.address, tlsOptions: { ca: early.cert } });
    expect(await closed).toEqual(oneLine('CERT_NOT_YET_VALID'));
  });

  it.each(['127.0.0.1', 'localhost'])('works with the authority given, by %s', async (host) => {
    await using peer = await Peer.start({ tls: ours });
    const { connection } = await linked({
      address: { ...peer.address, host },
      tlsOptions: { ca: ours.cert },
    });
    expect((await ask(connection, 'INFO').heard).reply).toBe('OK');
    await connection.close();
  });

  it('works unverified where that was asked for', async () => {
    await using peer = await Peer.start({ tls: ours });
    const { connection } = await linked({
      address: peer.address,
      tlsOptions: { rejectUnauthorized: false },
    });
    expect((await ask(connection, 'INFO').heard).reply).toBe('OK');
    await connection.close();
  });

  it('speaks TLS 1.2 at least, as Faktory does', async () => {
    await using peer = await Peer.start({ tls: { ...ours, minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' } });
    const { closed } = link({ address: peer.address, tlsOptions: { ca: ours.cert } });
    expect(await closed).toEqual(oneLine('version'));
  });

  it('tells of a Faktory that speaks plainly, and does not fall back', async () => {
    await using peer = await Peer.start();
    const { closed } = link({ address: { ...peer.address, tls: true } });
    expect(await closed).toEqual(oneLine('Faktory there does not speak TLS: use tcp://'));
    expect(peer.links).toHaveLength(1);
    expect(peer.links[0]!.commands).toEqual([]);
    expect(peer.links[0]!.hello ?? '').not.toContain('HELLO');
  });

  it('finds a silent connection, as without TLS', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      await using peer = await Peer.start({ tls: ours, script: () => undefined });
      const { connection, closed } = await linked({ address: peer.address, tlsOptions: { ca: ours.cert } });
      ask(connection, 'A');
      await peer.received(1);
      vi.advanceTimersByTime(9_000);
      expect(await closed).toMatchObject({ code: 'CONNECTION_STALLED' });
    } finally {
      vi.useRealTimers();
    }
  });

  it('is what a plain connection to a Faktory that speaks it is told of when it ends', async () => {
    await using peer = await Peer.start({ tls: ours });
    const { closed } = link({ address: { ...peer.address, tls: false }, connectTimeoutMs: 100 });
    expect(await closed).toMatchObject({
      code: 'FAKTORY_UNREACHABLE',
      message: expect.stringMatching(/^tcp:.*did not finish the handshake within 100 ms: .*tcp\+tls:\/\//),
    });
  });

  it('is never left out, however often an attempt fails: nothing plain is ever sent', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const heard: string[] = [];
    const plain = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (bytes: Buffer) => heard.push(bytes.toString('latin1')));
      socket.write('+HI {"v":2}\r\n');
    }).listen(0, '127.0.0.1');
    try {
      await once(plain, 'listening');
      const faults: string[] = [];
      const lanes = new Lanes({
        address: { host: '127.0.0.1', port: (plain.address() as AddressInfo).port, tls: true, password: 'x' },
        hello: { v: 2, hostname: 'test' },
        budget: new ConnectionBudget(),
        deadlineMs: 9_000,
        onFault: (error) => faults.push(error.message),
      });
      lanes.want(1);
      for (let attempt = 1; attempt <= 4; attempt += 1) {
        await until(() => faults.length === attempt);
        vi.advanceTimersByTime(2_000);
      }
      lanes.destroy();
      expect(new Set(faults).size).toBe(1);
      expect(faults[0]).toContain('use tcp://');
      for (const text of heard) expect(text).not.toMatch(/HELLO|pwdhash|hostname/);
    } finally {
      vi.useRealTimers();
      plain.close();
    }
  });
});

describe('the name of the host', () => {
  it.each([false, true])('is looked up at each connect: Faktory may have moved (TLS: %s)', async (tls) => {
    const options = tls ? { tls: selfSigned('faktory.test') } : {};
    await using before = await Peer.start(options);
    await using after = await Peer.start({ ...options, host: '127.0.0.2', port: before.port });
    let now = '127.0.0.1';
    const lookup = vi.spyOn(dns, 'lookup').mockImplementation(((_name: string, ...rest: unknown[]) => {
      const done = rest.at(-1) as (error: null, addresses: unknown, family?: number) => void;
      if ((rest[0] as { all?: boolean }).all) done(null, [{ address: now, family: 4 }]);
      else done(null, now, 4);
    }) as never);
    try {
      const address = { ...before.address, host: 'faktory.test' };
      const tlsOptions = options.tls && { ca: options.tls.cert };
      const first = await linked({ address, tlsOptions });
      now = '127.0.0.2';
      const second = await linked({ address, tlsOptions });
      expect([before.links.length, after.links.length]).toEqual([1, 1]);
      expect(lookup.mock.calls.map(([name]) => name)).toEqual(['faktory.test', 'faktory.test']);
      for (const { connection } of [first, second]) connection.destroy();
    } finally {
      lookup.mockRestore();
    }
  });
});

describe('one tick’s commands', () => {
  it('leave in one write: over TLS each write is a record, and is read as one', async () => {
    await using peer = await Peer.start({ tls: ours });
    const { connection } = await linked({ address: peer.address, tlsOptions: { ca: ours.cert } });
    const commands = Array.from({ length: 100 }, (_, k) => `QUEUE ${k}\r\n`);
    for (const command of commands) ask(connection, command.trimEnd());
    await until(() => connection.unanswered === 0);
    expect(peer.links[0]!.chunks).toEqual([commands.join('')]);
    // And so do those of the next.
    for (const command of commands) ask(connection, command.trimEnd());
    await until(() => connection.unanswered === 0);
    expect(peer.links[0]!.chunks).toEqual([commands.join(''), commands.join('')]);
    connection.destroy();
  });
});
