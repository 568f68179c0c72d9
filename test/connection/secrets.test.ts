import dns from 'node:dns';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Client } from '../../src/client/client.ts';
import { type Address, parseAddress } from '../../src/connection/address.ts';
import * as faults from '../../src/connection/faults.ts';
import { LinkLog } from '../../src/connection/link-log.ts';
import { resolveLink } from '../../src/connection/options.ts';
import { MillraceError } from '../../src/errors.ts';
import { rawCommand } from '../../src/protocol/commands.ts';
import { parseHi, passwordHash } from '../../src/protocol/handshake.ts';
import { ReplyParser } from '../../src/protocol/resp.ts';
import { link } from './ask.ts';
import { selfSigned } from './certificate.ts';
import { Peer, type PeerOptions } from './peer.ts';

/** No password, URL with one, salt or hash of one in any error or log line, however deep one looks. */
const PASSWORD = 's3cret';
const SALT = '55104dc76695721d';
const HASH = passwordHash(PASSWORD, SALT, 10);
const SECRETS = [
  PASSWORD,
  SALT,
  HASH,
  encodeURIComponent(PASSWORD),
  Buffer.from(PASSWORD).toString('base64'),
];
const GREETING = `+HI {"v":2,"i":10,"s":"${SALT}"}\r\n`;

afterEach(() => {
  vi.restoreAllMocks();
});

function expectNoSecret(thrown: unknown): void {
  expect(thrown).toBeInstanceOf(Error);
  const views = [
    inspect(thrown, { depth: Number.POSITIVE_INFINITY, showHidden: true }),
    JSON.stringify(thrown),
  ];
  for (let error = thrown; error instanceof Error; error = error.cause)
    views.push(error.message, String(error.stack), inspect(error, { getters: true }));
  const lines: unknown[] = [];
  const keep = (...line: unknown[]): number => lines.push(...line);
  const log = new LinkLog({ debug: keep, info: keep, warn: keep, error: keep });
  if (thrown instanceof MillraceError) log.fault(thrown);
  views.push(inspect(lines, { depth: Number.POSITIVE_INFINITY }));
  for (const secret of SECRETS) for (const view of views) expect(view).not.toContain(secret);
}

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('a URL that cannot be used', () => {
  it.each([
    'tcp://:s3cret@',
    'tcp://:s3cret@:7419',
    'tcp://:s3cret@faktory:port',
    'tcp://:s3cret@faktory:7419/path',
    'tcp://:s3cret@faktory?x',
    'tcp://:s3cret@a b',
    'tcp+tls://:s3cret@',
    'redis://:s3cret@faktory',
    ' tcp://:s3cret@faktory',
    '"tcp://:s3cret@faktory"',
    ':s3cret@faktory',
    // Somebody forgot the @, or put it elsewhere.
    'tcp://:s3cret',
    'tcp://:s3cret:7419',
    'tcp://:s3cret/faktory:7419',
    'tcp://faktory:s3cret',
    'tcp://faktory:7419:s3cret',
    'tcp://[::1]:s3cret',
    'tcp://faktory:7419?password=s3cret',
    'tcp://faktory:7419#s3cret',
    'faktory:s3cret',
  ])('is shown without the password: %s', (url) => {
    expectNoSecret(thrownBy(() => parseAddress(url)));
    expectNoSecret(thrownBy(() => resolveLink({ url, logger: false })));
    expectNoSecret(thrownBy(() => new Client({ url, logger: false })));
  });

  it.each(['faktory:7419', 'http://faktory:7419', 'tcp://faktory:7419/path', 'tcp://faktory:99999'])(
    'that holds none is shown as it is: %s',
    (url) => {
      expect(thrownBy(() => parseAddress(url))).toMatchObject({
        message: expect.stringContaining(`"${url}"`),
      });
    },
  );
});

describe('every fault of a connection', () => {
  const address: Address = parseAddress('tcp://:s3cret@faktory:7419');
  const echoed = `ERR what is HELLO {"v":2,"pwdhash":"${HASH}"} with ${SALT} and tcp://:s3cret@faktory`;

  it.each<[string, () => unknown]>([
    ...['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'ECONNRESET', 'EPROTO', 'EMFILE'].map(
      (code): [string, () => unknown] => [
        code,
        () => faults.explainFault(address, Object.assign(new Error(`${code} faktory`), { code })),
      ],
    ),
    ['lost', () => faults.lost(address)],
    ['closedEarly', () => faults.closedEarly(address)],
    ['timedOut', () => faults.timedOut(address, 5_000, true)],
    ['turnedAway', () => faults.turnedAway(address)],
    ['stalled', () => faults.stalled(address, 9_000)],
    ['unsolicited', () => faults.unsolicited(address, echoed)],
    ['over the limit', () => faults.unsolicited(address, 'ERR too many connections: 3')],
    ['unwelcome', () => faults.unwelcome(address, echoed)],
    ['internal', () => faults.internal(address, new Error('oops'))],
  ])('%s', (_name, fault) => {
    expectNoSecret(fault());
  });

  it('is in the list above', () => {
    const makers = Object.keys(faults).filter((name) => !name.startsWith('is'));
    expect(makers.sort()).toEqual([
      'closedEarly',
      'explainFault',
      'internal',
      'lost',
      'stalled',
      'timedOut',
      'turnedAway',
      'unsolicited',
      'unwelcome',
    ]);
  });
});

describe('a peer that is met with a password', () => {
  it.each<[string, PeerOptions, string]>([
    ['refuses it', { welcome: '-ERR Invalid password\r\n' }, 'FAKTORY_PASSWORD'],
    ['echoes it', { welcome: (hello) => `-ERR bad line ${hello}\r\n` }, 'PROTOCOL_VIOLATION'],
    ['echoes it as no reply', { welcome: (hello) => `${hello}\r\n` }, 'PROTOCOL_VIOLATION'],
    ['echoes it as a password', { welcome: (hello) => `-ERR password ${hello}\r\n` }, 'FAKTORY_PASSWORD'],
    ['hangs up', { welcome: (_hello, { socket }) => `${socket.destroy() && ''}` }, 'HELLO_REFUSED'],
    ['greets oddly', { hi: `+HI {"v":2,"i":0,"s":"${SALT}"}\r\n` }, 'PROTOCOL_VIOLATION'],
    ['greets with no JSON', { hi: `+HI {"v":2,"i":10,"s":"${SALT}\r\n` }, 'PROTOCOL_VIOLATION'],
    ['greets with no reply', { hi: `{"s":"${SALT}","v":2}\r\n` }, 'PROTOCOL_VIOLATION'],
  ])('%s', async (_name, options, code) => {
    await using peer = await Peer.start({ hi: GREETING, ...options });
    const { closed } = link({ address: { ...peer.address, password: PASSWORD } });
    const error = await closed;
    expect(error?.code).toBe(code);
    expectNoSecret(error);
  });

  it('and whose name is not known', async () => {
    const address = parseAddress('tcp://:s3cret@faktory.invalid');
    const lookup = vi.spyOn(dns, 'lookup').mockImplementation(((name: string, ...rest: unknown[]) => {
      const fault = Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), {
        code: 'ENOTFOUND',
        hostname: name,
      });
      (rest.at(-1) as (error: Error) => void)(fault);
    }) as never);
    const error = await link({ address }).closed;
    expect(error).toMatchObject({ code: 'FAKTORY_UNREACHABLE', cause: { code: 'ENOTFOUND' } });
    expect(lookup).toHaveBeenCalledTimes(1);
    expectNoSecret(error);
  });

  it('and whose certificate is no good', async () => {
    await using peer = await Peer.start({ tls: selfSigned() });
    const error = await link({ address: { ...peer.address, password: PASSWORD } }).closed;
    expect(error).toMatchObject({ code: 'FAKTORY_UNREACHABLE' });
    expectNoSecret(error);
  });
});

describe('the wire', () => {
  it('is not quoted with what proves a password', () => {
    expectNoSecret(thrownBy(() => parseHi(`HI {"v":2,"s":"${SALT}"}`)));
    expectNoSecret(thrownBy(() => rawCommand(['HELLO', `{"pwdhash":"${HASH}"}\r\n`])));
    for (const start of ['?', '$x', '$'])
      expectNoSecret(
        thrownBy(() =>
          new ReplyParser(() => {}).push(Buffer.from(`${start}{"s":"${SALT}","pwdhash":"${HASH}\r\n`)),
        ),
      );
  });

  it('nor is a client shown with its password', () => {
    const client = new Client({ url: 'tcp://:s3cret@faktory', logger: false });
    const shown = inspect(client, { depth: Number.POSITIVE_INFINITY, showHidden: true, getters: true });
    expect(shown + JSON.stringify({ address: client.address })).not.toContain(PASSWORD);
  });
});
