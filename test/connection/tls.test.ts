import { describe, expect, it, vi } from 'vitest';
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

  it('a plain connection to a Faktory that speaks TLS ends, too', async () => {
    await using peer = await Peer.start({ tls: ours });
    const { closed } = link({ address: { ...peer.address, tls: false }, connectTimeoutMs: 100 });
    expect(await closed).toMatchObject({ code: 'FAKTORY_UNREACHABLE' });
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
