/** `millrace doctor`, as a process, on each Faktory. */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer as createPlainServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createServer } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { startEmbeddedFaktory } from '../../src/embedded/index.ts';
import { selfSigned } from '../connection/certificate.ts';
import { describeOnEachFaktory, describeOnRealFaktory } from '../helpers/each-faktory.ts';
import { freePort } from '../helpers/free-port.ts';
import { RawClient } from '../helpers/raw-client.ts';
import { startRealFaktory } from '../helpers/real-faktory.ts';
import { startRelay } from '../helpers/relay.ts';
import { ran } from './millrace.ts';

const CHECKS = [
  'reachable',
  'version',
  'server',
  'password',
  'TLS',
  'round trip',
  'connections',
  'clock',
  'queues',
  'sets',
];

interface Report {
  ok: boolean;
  faktory: string | null;
  checks: { name: string; verdict: string; text: string }[];
  figures: {
    roundTripMs: { samples: number; least: number; median: number };
    server: { connections: number; clock: { aheadMs: number } };
    queues: object;
    sets: object;
  };
  sum: object | null;
}

async function report(
  args: string[],
  env: Record<string, string>,
): Promise<{ code: number | null; report: Report }> {
  const { code, lines } = await ran(['doctor', '--json', ...args], { env });
  expect(lines).toHaveLength(1);
  return { code, report: JSON.parse(lines[0]!) as Report };
}

const verdicts = (lines: readonly string[]): string[] =>
  lines.map((line) => /^(ok|warn|FAIL) {2,}(\S+(?: \S+)?)/.exec(line)).flatMap((match) => match?.[2] ?? []);

async function push(faktory: { host: string; port: number }, queues: readonly string[]): Promise<void> {
  await using client = await RawClient.connect(faktory);
  await client.reply();
  await client.ask('HELLO {"v":2}');
  const job = { jobtype: 'a', args: [], retry: 0, reserve_for: 60 };
  const jobs = queues.map((queue, i) => ({ ...job, jid: `a-jid-0${i}`, queue }));
  expect(await client.ask(`PUSHB ${JSON.stringify(jobs)}`)).toContain('{}');
}

describe('without a Faktory', () => {
  it('--rtt: the sum alone', async () => {
    const env = { FAKTORY_URL: `tcp://127.0.0.1:${await freePort()}` };
    const sum = ['doctor', '--rtt', '50', '--rate', '30000', '--job-time'];
    const one = await ran([...sum, '1'], { env });
    expect(one.code).toBe(0);
    expect(verdicts(one.lines)).toEqual([]);
    expect(one.lines.join('\n')).toContain('30,000 × 0.051 = 1,530');
    const tenth = (await ran([...sum, '0.1'], { env })).lines.join('\n');
    expect(tenth).toContain('30,000 × 0.0501 = 1,503');
  });

  it('--rtt --json: one object', async () => {
    const { code, report: told } = await report(['--rtt', '50', '--rate', '30000'], {});
    expect([code, told.ok, told.faktory, told.checks]).toEqual([0, true, null, []]);
    expect(told.sum).toMatchObject({ jobsInFlight: 1_530, withPrefetch: { slots: 38 } });
  });

  it('nothing listens: FAIL, and exit 1', async () => {
    const url = `tcp://127.0.0.1:${await freePort()}`;
    const { code, lines } = await ran(['doctor', '--rate', '1'], { env: { FAKTORY_URL: url } });
    expect(code).toBe(1);
    expect(lines[0]).toBe(
      `FAIL  reachable    ${url} (ECONNREFUSED): nothing listens there: is Faktory running, and is FAKTORY_URL right?`,
    );
    expect(verdicts(lines)).toEqual(['reachable']);
    expect(lines.at(-1)).toContain('give one by --rtt');
  });

  it('too many sockets for one Faktory: told, and no fault of now', async () => {
    const { code, lines } = await ran(['doctor', '--rtt', '50', '--job-time', '1000', '--rate', '200000']);
    expect(code).toBe(0);
    expect(lines.filter((line) => line.startsWith('  mind the sockets'))).toHaveLength(1);
  });

  it.each(['{"server":{},"faktory":{}}', 'null', '[]', 'no JSON'])(
    'something that answers INFO with %s: one FAIL says so, and nothing is NaN',
    async (info) => {
      const server = createPlainServer((socket) => {
        socket.on('error', () => {}).write('+HI {"v":2}\r\n');
        createInterface({ input: socket }).on('line', (line) => {
          socket.write(line === 'INFO' ? `$${info.length}\r\n${info}\r\n` : '+OK\r\n');
        });
      });
      await once(server.listen(0, '127.0.0.1'), 'listening');
      try {
        const FAKTORY_URL = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
        const { code, lines } = await ran(['doctor'], { env: { FAKTORY_URL } });
        expect(code).toBe(1);
        expect(lines.filter((line) => line.startsWith('FAIL'))).toEqual([
          expect.stringMatching(/^FAIL {2}answers {6}what INFO tells is not what Faktory .*left out$/),
        ]);
        expect(lines.join('\n')).not.toMatch(/NaN|undefined/);
      } finally {
        server.close();
      }
    },
  );

  it('a name that there is not', async () => {
    const { code, report: told } = await report([], { FAKTORY_URL: 'tcp://faktory.invalid:7419' });
    expect([code, told.ok, told.checks.length]).toEqual([1, false, 1]);
    expect(told.checks[0]).toMatchObject({ name: 'reachable', verdict: 'FAIL' });
  });

  it.each([
    [['--rtt', 'x'], '--rtt is "x", it takes a number from 0 to 1000000000'],
    [['--rate', '0'], '--rate is "0", it takes a number from 0.001 to 1000000000'],
    [['--job-time', '1e3'], '--job-time is "1e3", it takes a number from 0 to 1000000000'],
    [
      ['--processes', '0'],
      '--processes (WORKER_PROCESSES) is "0", it takes auto, or a whole number from 1 to 512',
    ],
  ])('%j: one line, exit 1', async (args, line) => {
    expect(await ran(['doctor', ...args])).toEqual({ code: 1, lines: [`millrace: ${line}`] });
  });

  it('--help tells the exit code, and the environment', async () => {
    const text = (await ran(['doctor', '--help'])).lines.join('\n');
    for (const part of ['Exit code: 0', '--rtt <ms>', 'FAKTORY_MAX_CONNECTIONS'])
      expect(text).toContain(part);
  });
});

describeOnEachFaktory('millrace doctor', (kind) => {
  it('prints a line for each check, and calculates with what it measured', async () => {
    await using faktory = await kind.start();
    await push(faktory, ['mail', 'millrace-wake.00']);
    const env = { FAKTORY_URL: faktory.url };
    const { code, lines } = await ran(['doctor', '--rate', '1000', '--processes', '2'], { env });
    expect(verdicts(lines)).toEqual(CHECKS);
    expect([code, lines.filter((line) => line.startsWith('FAIL'))]).toEqual([0, []]);
    const text = lines.join('\n');
    expect(text).toMatch(/^ok {4}queues {7}\d queues?, 1 job waits: mail 1 \(/m);
    for (const part of ['64 × 2 = 128 at most', '(50 BEATs)', 'jobs in flight', '1,000 jobs/s'])
      expect(text).toContain(part);
    expect(text).not.toContain('millrace-wake');
    const set = await ran(['doctor'], { env: { ...env, WORKER_PROCESSES: '8' } });
    expect(set.lines.join('\n')).toContain('64 × 8 = 512 at most from here');

    const { report: told } = await report([], env);
    expect(told.checks.map(({ name }) => name)).toEqual(CHECKS);
    expect(told.figures.roundTripMs.samples).toBe(50);
    expect(told.figures.server.connections).toBeGreaterThanOrEqual(1);
    expect(told.sum).toBeNull();
  });

  it('measures the way: some 20 ms each way are 40 and more', async () => {
    await using faktory = await kind.start();
    // Its timers may be a millisecond early, each way.
    await using relay = await startRelay(faktory.url, { delayMs: 21 });
    const { code, report: told } = await report(['--rate', '1000'], { FAKTORY_URL: relay.url });
    expect(code).toBe(0);
    expect(told.figures.roundTripMs.least).toBeGreaterThanOrEqual(40);
    expect(told.sum).not.toBeNull();
  });

  it('the password: right, wrong, none; never shown', async () => {
    await using faktory = await kind.start({ password: 'open-sesame' });
    const FAKTORY_URL = `tcp://127.0.0.1:${faktory.port}`;
    const right = await ran(['doctor'], { env: { FAKTORY_URL, FAKTORY_PASSWORD: 'open-sesame' } });
    expect(right.code).toBe(0);
    expect(right.lines.find((line) => line.includes('  password'))).toBe(
      'ok    password     set and accepted; without it nobody is let in',
    );
    const wrong = await ran(['doctor'], { env: { FAKTORY_URL, FAKTORY_PASSWORD: 'close-sesame' } });
    expect(wrong.code).toBe(1);
    expect(wrong.lines[0]).toBe(`ok    reachable    ${FAKTORY_URL}`);
    expect(wrong.lines[1]).toMatch(/^FAIL {2}password {5}.*Invalid password; check FAKTORY_PASSWORD/);
    const none = await ran(['doctor'], { env: { FAKTORY_URL } });
    expect(none.code).toBe(1);
    expect(none.lines[1]).toMatch(/^FAIL {2}password {5}Faktory wants a password/);
    expect([...right.lines, ...wrong.lines].join('\n')).not.toContain('sesame');
  });
});

describeOnRealFaktory(
  'millrace doctor and versions',
  (version) => {
    it('warns of the one that lacks the security fixes', async () => {
      await using faktory = await startRealFaktory({ version });
      const { code, lines } = await ran(['doctor'], { env: { FAKTORY_URL: faktory.url } });
      expect(code).toBe(0);
      expect(lines.find((line) => line.includes('  version'))).toMatch(
        /^warn {2}version {6}1\.9\.4: .*security/,
      );
    });
  },
  ['1.9.4'],
);

describe('over TLS', () => {
  it('tells whether the certificate is verified', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-doctor-'));
    const faktory = await startEmbeddedFaktory({ port: 0 });
    const { cert, key } = selfSigned();
    const proxy = createServer({ cert, key }, (client) => {
      const server = connect(faktory.port, '127.0.0.1');
      for (const socket of [client, server]) socket.on('error', () => {});
      client.pipe(server).pipe(client);
    });
    proxy.on('tlsClientError', () => {});
    await once(proxy.listen(0, '127.0.0.1'), 'listening');
    try {
      const file = join(folder, 'ca.pem');
      await writeFile(file, cert);
      const FAKTORY_URL = `tcp+tls://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
      const tlsLine = async (env: Record<string, string>): Promise<[number | null, string | undefined]> => {
        const { code, lines } = await ran(['doctor'], { env: { FAKTORY_URL, ...env } });
        return [code, lines.find((line) => /TLS/.test(line) && /^(ok|warn|FAIL)/.test(line))];
      };
      expect(await tlsLine({})).toEqual([1, expect.stringMatching(/^FAIL {2}reachable .*TLS failed/)]);
      expect(await tlsLine({ NODE_EXTRA_CA_CERTS: file })).toEqual([
        0,
        // A certificate of an hour.
        expect.stringMatching(
          /^warn {2}TLS {10}used \(TLSv1\.3\), the certificate is verified and good until .*: renew/,
        ),
      ]);
      expect(await tlsLine({ NODE_TLS_REJECT_UNAUTHORIZED: '0' })).toEqual([
        0,
        expect.stringMatching(/^warn {2}TLS .*not verified/),
      ]);
    } finally {
      proxy.close();
      await faktory.stop();
      await rm(folder, { recursive: true });
    }
  });
});
