/** What needs no Redis; with one: test/system/redis.test.ts. */
import { createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { SILENT } from '../src/logger.ts';
import { forgetSecrets, redact } from '../src/redact.ts';
import { parseRedisUrl, RedisLink, showRedis } from '../src/redis.ts';
import { freePort } from './helpers/free-port.ts';
import { until } from './helpers/until.ts';

afterEach(forgetSecrets);

describe('parseRedisUrl', () => {
  const PLAIN = {
    host: 'redis',
    port: 6_379,
    username: undefined,
    password: undefined,
    db: 0,
    tls: false,
  };

  it.each([
    ['redis://redis', PLAIN],
    ['redis://redis/', PLAIN],
    ['redis://redis:6380/2', { ...PLAIN, port: 6_380, db: 2 }],
    ['rediss://redis', { ...PLAIN, tls: true }],
    ['redis://:s3cr%2Ft%40@redis', { ...PLAIN, password: 's3cr/t@' }],
    ['redis://app:geheim@redis', { ...PLAIN, username: 'app', password: 'geheim' }],
    ['redis://[::1]:6379', { ...PLAIN, host: '::1' }],
  ])('reads %s', (url, address) => {
    expect(parseRedisUrl(url)).toEqual(address);
  });

  it.each([
    ['redis', 'is not a URL'],
    ['redis:6379', 'names no host'],
    ['localhost:6379', 'is not the URL of a Redis'],
    ['http://:hunter22@redis', 'is not the URL of a Redis'],
    ['redis:///1', 'names no host'],
    ['redis://:hunter22@redis:63790000', 'is not a URL'],
    ['redis://:hunter22@redis/first', 'database'],
    ['redis://:hunter22@redis?tls=1', 'has a ?'],
    ['redis://:hunter22#1@redis', 'it takes redis://'],
    ['redis://:hunter22%@redis', 'begins no character'],
  ])('refuses %s in one line that names REDIS_URL and shows nothing of it', (url, why) => {
    const message = (() => {
      try {
        parseRedisUrl(url);
        return 'nothing was thrown';
      } catch (error) {
        return (error as Error).message;
      }
    })();
    expect(message).toMatch(/^REDIS_URL /);
    expect(message).toContain(why);
    expect(message).not.toMatch(/hunter22|\n/);
  });

  it('has the password hidden from logs, as it is and as the URL has it', () => {
    parseRedisUrl('redis://:correct%2Fhorse@redis');
    expect(redact('correct/horse and correct%2Fhorse')).toBe('*** and ***');
  });

  it('is shown without its password', () => {
    expect(showRedis(parseRedisUrl('redis://:hunter22@[::1]:1'))).toBe('Redis at [::1]:1');
  });
});

describe('RedisLink', () => {
  /** A link to a port of this machine, and what it warned of. */
  function linkTo(port: number) {
    const warnings: string[] = [];
    const logger = { ...SILENT, warn: (_: object, text: string) => void warnings.push(text) };
    const link = new RedisLink({ address: parseRedisUrl(`redis://127.0.0.1:${port}`), logger });
    return { link, warnings };
  }

  it('fails soon where there is no Redis, and says so once', async () => {
    const port = await freePort();
    const { link, warnings } = linkTo(port);
    link.connect();
    await expect(link.use((redis) => redis.ping())).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
    await expect(link.use((redis) => redis.ping())).rejects.toThrow(`Redis at 127.0.0.1:${port} cannot be`);
    expect(warnings).toEqual([expect.stringMatching(/REDIS_URL.*ECONNREFUSED.*trying again/)]);
    link.close();
  });

  it('fails soon where something listens that never answers', async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => void sockets.push(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { link } = linkTo((server.address() as { port: number }).port);
    await expect(link.use((redis) => redis.ping())).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
    expect(sockets).toHaveLength(1);
    link.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  it('takes no command once it is closed, and may be closed twice and before it was opened', async () => {
    const { link } = linkTo(await freePort());
    link.close();
    link.close();
    await expect(link.use((redis) => redis.ping())).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
  });

  it('does not open what is closed while it is loaded', async () => {
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      socket.on('error', () => {});
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const { link } = linkTo(port);
    link.connect();
    link.close();
    const other = linkTo(port).link;
    other.connect();
    await until(() => connections > 0);
    expect(connections).toBe(1);
    other.close();
    server.close();
  });
});
