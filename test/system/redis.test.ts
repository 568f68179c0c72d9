/** The connection to a real Redis, and what happens when that goes. */
import { afterEach, expect, it } from 'vitest';
import { SILENT } from '../../src/logger.ts';
import { forgetSecrets } from '../../src/redact.ts';
import { parseRedisUrl, RedisLink } from '../../src/redis.ts';
import { describeWithRedis } from '../helpers/describe-with-redis.ts';
import { startRedis } from '../helpers/redis-server.ts';
import { until } from '../helpers/until.ts';

const ECHO = 'return {KEYS[1], ARGV[1], ARGV[2]}';
const ADD = "return redis.call('INCR', KEYS[1])";

/** A link, and what it logged. */
function linkTo(url: string) {
  const lines: string[] = [];
  const log = (_: object, text: string): void => void lines.push(text);
  return {
    link: new RedisLink({ address: parseRedisUrl(url), logger: { ...SILENT, warn: log, info: log } }),
    lines,
  };
}

describeWithRedis('RedisLink', () => {
  afterEach(forgetSecrets);

  it('opens with its first command, and keeps to the database of its URL', async () => {
    await using redis = await startRedis();
    const { link, lines } = linkTo(`${redis.url}/3`);
    const { link: other } = linkTo(redis.url);
    await link.use((commands) => commands.set('a', '1'));
    expect(await link.use((commands) => commands.get('a'))).toBe('1');
    expect(await other.use((commands) => commands.get('a'))).toBeNull();
    expect(lines).toEqual([]);
    link.close();
    other.close();
  });

  it('runs scripts, also on a Redis that has forgotten them', async () => {
    await using redis = await startRedis();
    const { link } = linkTo(redis.url);
    expect(await link.script(ECHO, 'key', ['one', 2])).toEqual(['key', 'one', '2']);
    expect(await link.script(ADD, 'count', [])).toBe(1);
    await link.use((commands) => commands.script('FLUSH'));
    expect(await link.script(ADD, 'count', [])).toBe(2);
    link.close();
  });

  it('comes back by itself, fails soon meanwhile, and tells of both once', async () => {
    await using redis = await startRedis();
    const { link, lines } = linkTo(redis.url);
    await link.use((commands) => commands.ping());
    await redis.kill('SIGKILL');
    await until(() => !link.connected);
    await expect(link.use((commands) => commands.ping())).rejects.toMatchObject({
      code: 'REDIS_UNAVAILABLE',
    });
    await redis.start();
    await until(() => link.connected);
    expect(await link.script(ADD, 'count', [])).toBe(1);
    expect(lines.at(-1)).toMatch(/^connected to Redis at 127\.0\.0\.1:\d+ again$/);
    expect(new Set(lines).size).toBe(lines.length);
    link.close();
  });

  it('waits for a Redis that is only just gone', async () => {
    await using redis = await startRedis();
    const { link } = linkTo(redis.url);
    const id = await link.use((commands) => commands.client('ID'));
    const { link: killer } = linkTo(redis.url);
    await killer.use((commands) => commands.client('KILL', 'ID', id));
    await until(() => !link.connected);
    expect(await link.use((commands) => commands.ping())).toBe('PONG');
    link.close();
    killer.close();
  });

  it('fails what is on its way when the connection breaks, and sends none of it again', async () => {
    await using redis = await startRedis();
    const { link } = linkTo(redis.url);
    await link.use((commands) => commands.ping());
    await redis.kill('SIGSTOP');
    const adding = link.script(ADD, 'count', []).catch((error) => error.code);
    await redis.kill('SIGKILL');
    expect(await adding).toBe('REDIS_UNAVAILABLE');
    await redis.start();
    await until(() => link.connected);
    expect(await link.use((commands) => commands.get('count'))).toBeNull();
    link.close();
  });

  it('fails soon when Redis stands still, gives the connection up, and is well again with it', async () => {
    await using redis = await startRedis();
    const { link } = linkTo(redis.url);
    await link.use((commands) => commands.ping());
    await redis.kill('SIGSTOP');
    await expect(link.use((commands) => commands.ping())).rejects.toThrow(/timed out/);
    await until(() => !link.connected, { what: 'the connection that is given up' });
    await redis.kill('SIGCONT');
    await until(() => link.connected);
    expect(await link.use((commands) => commands.ping())).toBe('PONG');
    link.close();
  });

  it('tells of a Redis that refuses what it is asked', async () => {
    await using redis = await startRedis();
    const { link, lines } = linkTo(redis.url);
    await link.use((commands) => commands.config('SET', 'maxmemory', '1'));
    for (let i = 0; i < 2; i += 1)
      await expect(link.use((commands) => commands.set('a', '1'))).rejects.toThrow(/OOM/);
    expect(lines).toEqual([expect.stringMatching(/REDIS_URL.*OOM/)]);
    link.close();
  });

  it('does not take another database for one that there is not', async () => {
    await using redis = await startRedis();
    const { link, lines } = linkTo(`${redis.url}/99`);
    const failed = { code: 'REDIS_UNAVAILABLE' };
    await expect(link.use((commands) => commands.set('a', '1'))).rejects.toMatchObject(failed);
    expect(lines[0]).toContain('DB index is out of range');
    expect(link.connected).toBe(false);
    link.close();
  });

  it('tells of a wrong password without showing it', async () => {
    await using redis = await startRedis({ password: 'the right one' });
    const wrong = linkTo(redis.url.replace('right', 'wrong'));
    await expect(wrong.link.use((commands) => commands.ping())).rejects.toMatchObject({
      code: 'REDIS_UNAVAILABLE',
    });
    await until(() => wrong.lines.some((line) => line.includes('WRONGPASS')));
    expect(wrong.lines.join('\n')).not.toMatch(/the.{1,3}wrong/);
    wrong.link.close();
    const right = linkTo(redis.url);
    expect(await right.link.use((commands) => commands.ping())).toBe('PONG');
    right.link.close();
  });
});
