import { describe, expect, it } from 'vitest';
import { checkText, duration } from '../../src/cli/doctor-check.ts';
import { checksOf, type Here } from '../../src/cli/doctor-checks.ts';
import type { Findings, ServerFindings } from '../../src/cli/doctor-look.ts';
import { MillraceError } from '../../src/errors.ts';

const info: ServerFindings = {
  version: '1.10.0',
  description: 'Faktory',
  uptimeSeconds: 7_300,
  connections: 1,
  memoryMb: 21,
  clock: { aheadMs: 3, uncertainMs: 1 },
};
const well: Findings = {
  addresses: ['127.0.0.1'],
  connectedMs: 2.5,
  info,
  queueReport: { askedAt: 0, queues: {}, sets: { scheduled: 0, working: 0, retries: 0, dead: 0 } },
  roundTrips: { samples: 50, least: 0.1, median: 0.2, p99: 0.9, jitter: 0.05 },
};
const local = { host: '127.0.0.1', port: 7_419, tls: false, password: undefined };
const far = { ...local, host: 'faktory.example' };

function lineOf(name: string, findings: Partial<Findings>, here: Partial<Here> = {}): string | undefined {
  const checks = checksOf(
    { ...well, ...findings },
    { address: local, maxConnections: 64, processes: 1, ...here },
  );
  const check = checks.find((one) => one.name === name);
  return check && checkText(check);
}

const server = (changed: Partial<ServerFindings>): Partial<Findings> => ({ info: { ...info, ...changed } });

it('all is well: one line each, no more', () => {
  const checks = checksOf(well, { address: local, maxConnections: 64, processes: 1 });
  expect(checks.map(({ name, verdict }) => `${name} ${verdict}`)).toEqual([
    'reachable ok',
    'version ok',
    'server ok',
    'password ok',
    'TLS ok',
    'round trip ok',
    'connections ok',
    'clock ok',
    'queues ok',
    'sets ok',
  ]);
  expect(checks.map(checkText).filter((line) => line.includes('\n'))).toEqual([]);
  expect(lineOf('server', {})).toBe('ok    server       Faktory, up for 2 h, memory 21 MB');
});

describe('the way', () => {
  it('names the address behind a name', () => {
    expect(lineOf('reachable', { addresses: ['10.0.0.4', '10.0.0.5'] }, { address: far })).toBe(
      'ok    reachable    tcp://faktory.example:7419 (10.0.0.4, 10.0.0.5), welcomed after 2.5 ms',
    );
  });

  it('that leads nowhere is the only line', () => {
    const fault = new MillraceError('FAKTORY_UNREACHABLE', 'tcp://x:7419 (ENOTFOUND): check FAKTORY_URL');
    const checks = checksOf({ addresses: [], fault }, { address: far, maxConnections: 64, processes: 1 });
    expect(checks.map(checkText)).toEqual([`FAIL  reachable    ${fault.message}`]);
  });

  it('that breaks off leaves what was found before', () => {
    const lost = new MillraceError('CONNECTION_LOST', 'the connection was lost');
    expect(lineOf('answers', { fault: lost })).toMatch(
      /^FAIL .*was lost: the checks after this were left out$/,
    );
    const limit = new MillraceError('CONNECTION_LIMIT', 'too many');
    const checks = checksOf(
      { addresses: [], connectedMs: 1, fault: limit },
      { address: local, maxConnections: 64, processes: 1 },
    );
    expect(checks.map(({ name, verdict }) => `${name} ${verdict}`)).toContain('connections FAIL');
  });

  it('over which round trips are uneven', () => {
    const uneven = { samples: 50, least: 1, median: 2, p99: 300, jitter: 40 };
    expect(lineOf('round trip', { roundTrips: uneven })).toMatch(
      /^warn .*median 2 ms, p99 300 ms, jitter 40 ms/,
    );
  });
});

it.each([
  ['1.10.0', 'ok'],
  ['1.12.3', 'ok'],
  ['2.0.0', 'ok'],
  ['1.9.4', 'warn'],
  ['1.8.0', 'warn'],
  ['', 'warn'],
])('version %j: %s', (version, verdict) => {
  expect(lineOf('version', server({ version }))?.split(' ')[0]).toBe(verdict);
});

describe('the password', () => {
  const withPassword = { address: { ...far, password: 'secret' } };

  it.each([
    ['none on loopback', {}, { address: local }, /^ok .*none is set, none is asked for/],
    ['none beyond', {}, { address: far }, /^warn .*whoever reaches it/],
    ['asked for', { isOpen: false }, withPassword, /^ok .*without it nobody is let in$/],
    ['not asked for', { isOpen: true }, withPassword, /^warn .*set, but Faktory asks for none/],
    ['not asked for, on loopback', { isOpen: true }, { address: { ...local, password: 'x' } }, /^ok /],
    ['not known whether asked for', {}, withPassword, /^ok .*set and accepted$/],
  ] as [string, Partial<Findings>, Partial<Here>, RegExp][])('%s', (_, findings, here, line) => {
    expect(lineOf('password', findings, here)).toMatch(line);
  });

  it('refused: Faktory is reachable, and that is all', () => {
    const fault = new MillraceError('FAKTORY_PASSWORD', 'refused; check FAKTORY_PASSWORD');
    const checks = checksOf({ addresses: [], fault }, { ...withPassword, maxConnections: 64, processes: 1 });
    expect(checks.map(({ name, verdict }) => `${name} ${verdict}`)).toEqual([
      'reachable ok',
      'password FAIL',
    ]);
  });
});

describe('TLS', () => {
  const secured = { address: { ...far, tls: true } };
  const good = { verified: true, protocol: 'TLSv1.3', validTo: new Date('2999-01-01T00:00:00Z') };

  it.each([
    ['not used, on loopback', {}, {}, /^ok /],
    ['not used, private', { addresses: ['10.1.2.3', 'fd00::1'] }, { address: far }, /^ok .*that you trust/],
    ['not used, public', { addresses: ['10.1.2.3', '8.8.8.8'] }, { address: far }, /^warn .*tcp\+tls:/],
    ['not used, who knows where', { addresses: [] }, { address: far }, /^warn /],
    ['verified', { tls: good }, secured, /^ok .*used \(TLSv1.3\).*verified and good until 2999-01-01$/],
    ['not verified', { tls: { ...good, verified: false } }, secured, /^warn .*NODE_EXTRA_CA_CERTS/],
    [
      'about to end',
      { tls: { ...good, validTo: new Date(Date.now() + 3_600_000) } },
      secured,
      /^warn .*renew/,
    ],
    ['no more is known', {}, secured, /^ok .*used$/],
  ] as [string, Partial<Findings>, Partial<Here>, RegExp][])('%s', (_, findings, here, line) => {
    expect(lineOf('TLS', findings, here)).toMatch(line);
  });
});

it.each([
  [1, 64, 1, /^ok .*1 of 2,000 in use, this one among them, 1,999 left;.*64 × 1 = 64 at most from here$/],
  [2_001, 64, 1, /^warn .*2,001 of 2,000 in use, this one among them, 0 left;/],
  [201, 64, 28, /^ok /],
  [210, 64, 28, /^warn .*64 × 28 = 1,792.*lower FAKTORY_MAX_CONNECTIONS/],
])('%d connections and %d × %d', (used, maxConnections, processes, line) => {
  expect(lineOf('connections', server({ connections: used }), { maxConnections, processes })).toMatch(line);
});

it.each([
  [{ aheadMs: -1_900, uncertainMs: 1 }, /^ok .*1,900 ms behind/],
  [{ aheadMs: 2_100, uncertainMs: 1 }, /^warn .*2,100 ms ahead of.*NTP/],
  // The way was so slow that it may be the way.
  [{ aheadMs: 2_100, uncertainMs: 500 }, /^ok /],
  [undefined, /^warn .*compare the clocks/],
])('the clock %o', (clock, line) => {
  expect(lineOf('clock', server({ clock }))).toMatch(line);
});

describe('queues and sets', () => {
  const sets = { scheduled: 1, working: 2, retries: 3, dead: 4 };

  it('are told by what waits', () => {
    const queues = {
      empty: { size: 0, latencySeconds: 0 },
      bulk: { size: 12_000, latencySeconds: undefined },
      mail: { size: 2, latencySeconds: 3.21 },
    };
    expect(lineOf('queues', { queueReport: { askedAt: 0, queues, sets } })).toBe(
      'ok    queues       3 queues, 12,002 jobs wait: mail 2 (the oldest waits for 3.2 s), bulk 12,000',
    );
    expect(lineOf('sets', { queueReport: { askedAt: 0, queues, sets } })).toBe(
      'ok    sets         Scheduled 1, Working 2, Retries 3, Dead 4',
    );
  });

  it('that nobody keeps up with are warned of; a pause cannot be known', () => {
    const queues = Object.fromEntries(
      Array.from({ length: 8 }, (_, i) => [`q${i}`, { size: 1, latencySeconds: 100 * i }]),
    );
    expect(lineOf('queues', { queueReport: { askedAt: 0, queues, sets } })).toMatch(
      /^warn .*: q7 1 \(the oldest waits for 12 min\), .* and 3 more: q7 has too few workers or none, or is paused/,
    );
  });

  it('that have grown large', () => {
    const large = { askedAt: 0, queues: {}, sets: { ...sets, retries: 20_000, dead: 50_000 } };
    expect(lineOf('sets', { queueReport: large })).toMatch(/^warn .*millrace retries requeue.*millrace dead/);
  });
});

it.each([
  [59.6, '60 s'],
  [600, '10 min'],
  [36_000, '10 h'],
  [864_000, '10 days'],
])('%d s are %s', (seconds, text) => expect(duration(seconds)).toBe(text));
