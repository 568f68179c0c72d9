/** What needs no Redis; with one: test/system/redis.test.ts. */
import { createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { SILENT } from '../src/logger.ts';
import { forgetSecrets } from '../src/redact.ts';
import { parseRedisUrl, RedisLink } from '../src/redis.ts';
import { freePort } from './helpers/free-port.ts';
import { until } from './helpers/until.ts';

afterEach(forgetSecrets);

describe('RedisLink', () => {
  /** A link to a port of this machine, or by what listens there, and what it warned of. */
  function linkTo(port: number, url = `redis://127.0.0.1:${port}`) {
    const warnings: string[] = [];
    const logger = { ...SILENT, warn: (_: object, text: string) => void warnings.push(text) };
    const link = new RedisLink({ address: parseRedisUrl(url), logger });
    return { link, warnings };
  }

  it('fails soon where there is no Redis, and says so once', async () => {
    const port = await freePort();
    const { link, warnings } = linkTo(port);
    link.connect();
    await expect(link.use((redis) => redis.ping())).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
    await expect(link.use((redis) => redis.ping())).rejects.toThrow(`Redis at 127.0.0.1:${port} cannot be`);
    await until(() => warnings.length > 0);
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

  it('fails soon where there is no sentinel, says so once of each, and goes on asking them', async () => {
    const [port, other] = [await freePort(), await freePort()];
    const url = `redis-sentinel://127.0.0.1:${port},127.0.0.1:${other}?sentinelMasterId=main`;
    const { link, warnings } = linkTo(port, url);
    await expect(link.use((redis) => redis.ping())).rejects.toMatchObject({ code: 'REDIS_UNAVAILABLE' });
    await expect(link.use((redis) => redis.ping())).rejects.toThrow(
      `Redis main of the sentinels at 127.0.0.1:${port}, 127.0.0.1:${other} cannot be reached`,
    );
    let asked = 0;
    const server = createServer((socket) => {
      asked += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(other, '127.0.0.1', resolve));
    await until(() => asked > 2);
    link.close();
    server.close();
    expect(warnings.slice(0, 2)).toEqual([
      expect.stringMatching(new RegExp(`REDIS_URL.*sentinel at 127.0.0.1:${port}: .*ECONNREFUSED`)),
      expect.stringMatching(new RegExp(`REDIS_URL.*sentinel at 127.0.0.1:${other}: .*ECONNREFUSED`)),
    ]);
    expect(new Set(warnings).size).toBe(warnings.length);
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
