import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ConnectionBudget } from '../../src/connection/budget.ts';
import { type ConnectOptions, helloOf, resolveLink } from '../../src/connection/options.ts';
import { SILENT } from '../../src/logger.ts';

const VARIABLES = ['FAKTORY_URL', 'FAKTORY_PROVIDER', 'FAKTORY_PASSWORD', 'FAKTORY_MAX_CONNECTIONS'];

beforeEach(() => {
  for (const name of VARIABLES) vi.stubEnv(name, undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const resolve = (options: ConnectOptions = {}) => resolveLink({ logger: false, ...options });

describe('where Faktory is', () => {
  it('is on this machine when nothing is said', () => {
    expect(resolve().address).toEqual({ host: '127.0.0.1', port: 7419, tls: false, password: undefined });
  });

  it('is where FAKTORY_URL says, or the variable that FAKTORY_PROVIDER names', () => {
    vi.stubEnv('FAKTORY_URL', 'tcp://:one@a:1');
    expect(resolve().address).toEqual({ host: 'a', port: 1, tls: false, password: 'one' });
    vi.stubEnv('OTHER_URL', 'tcp+tls://b:2');
    vi.stubEnv('FAKTORY_PROVIDER', 'OTHER_URL');
    expect(resolve().address).toMatchObject({ host: 'b', port: 2, tls: true });
  });

  it('is where the options say, above all', () => {
    vi.stubEnv('FAKTORY_URL', 'tcp://:one@a:1');
    expect(resolve({ url: 'tcp://c:3' }).address).toMatchObject({ host: 'c', port: 3, password: undefined });
    expect(resolve({ host: 'd', port: '4' }).address).toMatchObject({ host: 'd', port: 4, password: 'one' });
    expect(resolve({ host: 'd' }).address).toMatchObject({ host: 'd', port: 1 });
  });

  it.each(['', 'abc', -1, 0, 1.5, 65_536, Number.NaN])('ADDRESS_INVALID for the port %j', (port) => {
    expect(() => resolve({ port })).toThrow(expect.objectContaining({ code: 'ADDRESS_INVALID' }));
  });

  it.each(['', 'a b', 'tcp://:hunter2@faktory', ':hunter2@faktory', 'faktory/'])(
    'ADDRESS_INVALID for the host %j, which is not shown',
    (host) => {
      expect(() => resolve({ host })).toThrow(
        expect.objectContaining({ code: 'ADDRESS_INVALID', message: expect.not.stringContaining('hunter2') }),
      );
      expect(resolve({ host: '::1' }).address.host).toBe('::1');
    },
  );

  it('ADDRESS_INVALID for a URL that cannot be used', () => {
    expect(() => resolve({ url: 'faktory:7419' })).toThrow(
      expect.objectContaining({ code: 'ADDRESS_INVALID' }),
    );
  });
});

describe('the password', () => {
  it('is that of the options, their URL’s too, before FAKTORY_PASSWORD, before that of FAKTORY_URL', () => {
    vi.stubEnv('FAKTORY_URL', 'tcp://:environment-url@a');
    expect(resolve().address.password).toBe('environment-url');
    vi.stubEnv('FAKTORY_PASSWORD', 'environment');
    expect(resolve().address.password).toBe('environment');
    expect(resolve({ url: 'tcp://a' }).address.password).toBe('environment');
    expect(resolve({ url: 'tcp://:url@a' }).address.password).toBe('url');
    expect(resolve({ url: 'tcp://:url@a', password: 'option' }).address.password).toBe('option');
    expect(resolve({ url: 'tcp://a', password: 'option' }).address.password).toBe('option');
  });

  it('is read from a file where FAKTORY_PASSWORD is a path, and only where it is needed', () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-'));
    try {
      writeFileSync(join(folder, 'password'), 'from a file\n');
      vi.stubEnv('FAKTORY_PASSWORD', join(folder, 'password'));
      expect(resolve().address.password).toBe('from a file');
      vi.stubEnv('FAKTORY_PASSWORD', join(folder, 'missing'));
      expect(() => resolve()).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
      expect(resolve({ password: 'option' }).address.password).toBe('option');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('the rest', () => {
  it('bounds the sockets: by default 64, by a number, by FAKTORY_MAX_CONNECTIONS, by a shared budget', () => {
    expect(resolve().budget.limit).toBe(64);
    expect(resolve({ maxConnections: 7 }).budget.limit).toBe(7);
    vi.stubEnv('FAKTORY_MAX_CONNECTIONS', '9');
    expect(resolve().budget.limit).toBe(9);
    const shared = new ConnectionBudget(5);
    expect(resolve({ maxConnections: shared }).budget).toBe(shared);
  });

  it.each([0, -1, 1.5, Number.NaN])('CONFIG_INVALID for a bound of %d', (maxConnections) => {
    expect(() => resolve({ maxConnections })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });

  it('logs where it is told to', () => {
    expect(resolve().logger).toBe(SILENT);
    const told: string[] = [];
    const logger = { ...SILENT, info: (_fields: object, text: string) => void told.push(text) };
    resolve({ logger }).logger.info({}, 'hello');
    expect(told).toEqual(['hello']);
  });

  it('finds TLS options that cannot be used at once, not at each attempt to connect', () => {
    const tlsOptions = { key: 'no key', cert: 'no certificate' };
    expect(() => resolve({ url: 'tcp+tls://a', tlsOptions })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringMatching(/^tlsOptions .*$/) }),
    );
    expect(resolve({ url: 'tcp://a', tlsOptions }).tlsOptions).toBe(tlsOptions);
  });
});

describe('helloOf', () => {
  it('introduces a producer by its host, a worker by more', () => {
    expect(helloOf()).toEqual({ v: 2, hostname: hostname() });
    expect(helloOf('w1', ['blue'])).toEqual({
      v: 2,
      hostname: hostname(),
      wid: 'w1',
      pid: process.pid,
      labels: ['blue'],
    });
  });
});
