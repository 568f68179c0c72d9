import { afterEach, describe, expect, it } from 'vitest';
import { forgetSecrets, redact } from '../src/redact.ts';
import { ioredisOptions, parseRedisUrl, showRedis } from '../src/redis-address.ts';
import { below, seeded } from './partitions/seeded.ts';

afterEach(forgetSecrets);

const PLAIN = {
  endpoints: [{ host: 'redis', port: 6_379 }],
  sentinel: undefined,
  username: undefined,
  password: undefined,
  db: 0,
  tls: false,
};
const MAIN = { masterId: 'main', username: undefined, password: undefined };
const WATCHED = {
  ...PLAIN,
  endpoints: [
    { host: 'a', port: 26_379 },
    { host: 'b', port: 26_379 },
  ],
  sentinel: MAIN,
};

/** What it says of a URL that it refuses. */
function refusalOf(url: string): string {
  try {
    parseRedisUrl(url);
    return 'nothing was thrown';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('parseRedisUrl', () => {
  it.each([
    ['redis://redis', PLAIN],
    ['redis://redis/', PLAIN],
    ['redis://redis:6380/2', { ...PLAIN, endpoints: [{ host: 'redis', port: 6_380 }], db: 2 }],
    ['rediss://redis', { ...PLAIN, tls: true }],
    ['redis://:s3cr%2Ft%40@redis', { ...PLAIN, password: 's3cr/t@' }],
    ['redis://app:geheim@redis', { ...PLAIN, username: 'app', password: 'geheim' }],
    ['redis://[::1]:6379', { ...PLAIN, endpoints: [{ host: '::1', port: 6_379 }] }],
  ])('reads %s', (url, address) => {
    expect(parseRedisUrl(url)).toEqual(address);
  });

  it.each([
    ['redis-sentinel://a,b?sentinelMasterId=main', WATCHED],
    ['redis-sentinel://a,b/?sentinelMasterId=main', WATCHED],
    ['REDIS-SENTINEL://a,b/3?sentinelMasterId=main', { ...WATCHED, db: 3 }],
    ['rediss-sentinel://a,b?sentinelMasterId=main', { ...WATCHED, tls: true }],
    [
      'redis-sentinel://10.0.0.1:1?sentinelMasterId=a.b-c_1',
      {
        ...WATCHED,
        endpoints: [{ host: '10.0.0.1', port: 1 }],
        sentinel: { ...MAIN, masterId: 'a.b-c_1' },
      },
    ],
    [
      'redis-sentinel://app:p%2C%40ss@[::1]:26380,b/2?sentinelPassword=a+b%26c&sentinelMasterId=main',
      {
        ...WATCHED,
        endpoints: [
          { host: '::1', port: 26_380 },
          { host: 'b', port: 26_379 },
        ],
        sentinel: { ...MAIN, password: 'a+b&c' },
        username: 'app',
        password: 'p,@ss',
        db: 2,
      },
    ],
    [
      'redis-sentinel://:p,w@a,b?sentinelMasterId=main&sentinelUsername=asks&sentinelPassword=p',
      {
        ...WATCHED,
        password: 'p,w',
        sentinel: { masterId: 'main', username: 'asks', password: 'p' },
      },
    ],
  ])('reads %s', (url, address) => {
    expect(parseRedisUrl(url)).toEqual(address);
  });

  it('reads any number of hosts of every kind, whatever the login', () => {
    const random = seeded(7);
    const hosts = ['redis', 'a-b.example.org', '127.0.0.1', '[::1]', '[2001:db8::5]', 'R2_D2'];
    const secrets = ['', 'hunter22', 'a@b,c/d?e#f&g=h%+i', 'ü:ß 0', ',,,', '@@@'];
    const pick = <T>(all: readonly T[]): T => all[below(random, all.length)]!;
    for (let round = 0; round < 500; round += 1) {
      const endpoints = Array.from({ length: 1 + below(random, 5) }, () => ({
        host: pick(hosts),
        port: 1 + below(random, 65_535),
      }));
      const [password, sentinelPassword] = [pick(secrets), pick(secrets)];
      const url =
        `redis-sentinel://${password && `:${encodeURIComponent(password)}@`}` +
        `${endpoints.map(({ host, port }) => `${host}:${port}`).join(',')}/7?sentinelMasterId=main` +
        `&sentinelPassword=${encodeURIComponent(sentinelPassword)}`;
      expect(parseRedisUrl(url), url).toEqual({
        endpoints: endpoints.map(({ host, port }) => ({ host: host.replace(/[[\]]/g, ''), port })),
        sentinel: { ...MAIN, password: sentinelPassword || undefined },
        username: undefined,
        password: password || undefined,
        db: 7,
        tls: false,
      });
    }
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
    ['redis://:hunter22@a,b', 'names several hosts'],
    ['redis+sentinel://:hunter22@a,b/main', 'is not the URL of a Redis'],
    ['redis-sentinel:hunter22', 'sentinelMasterId'],
    ['redis-sentinel://:hunter22@?sentinelMasterId=main', 'is not a URL'],
    ['redis-sentinel://?sentinelMasterId=main', 'names no host'],
    ['redis-sentinel://a,,hunter22?sentinelMasterId=main', 'names no host'],
    ['redis-sentinel://a,:hunter22?sentinelMasterId=main', 'is not a URL'],
    ['redis-sentinel://a,b:hunter22?sentinelMasterId=main', 'is not a URL'],
    ['redis-sentinel://a, b?sentinelMasterId=main', 'is not a URL'],
    ['redis-sentinel://:hunter22@a,b', 'needs ?sentinelMasterId='],
    ['redis-sentinel://:hunter22@a,b?sentinelMasterId=', 'needs ?sentinelMasterId='],
    ['redis-sentinel://a?sentinelMasterId=hunter22%0A', 'needs ?sentinelMasterId='],
    ['redis-sentinel://:hunter22@a,b#main', 'has a #'],
    ['redis-sentinel://:hunter22@a,b/main', 'sentinelMasterId'],
    ['redis-sentinel://:hunter22@a,b/main?sentinelMasterId=main', 'database'],
    ['redis-sentinel://a?sentinelMasterId=main&hunter22=1', 'each once'],
    ['redis-sentinel://a?sentinelMasterId=main&sentinelMasterId=hunter22', 'each once'],
    ['redis-sentinel://a?sentinelMasterId=main&sentinelPassword=x&hunter22', 'each once'],
    ['redis-sentinel://a?sentinelMasterId=main&sentinelPassword=hunter22%', 'begins no character'],
    ['redis-sentinel://a?sentinelMasterId=main&sentinelUsername=hunter22', 'without a sentinelPassword'],
  ])('refuses %s in one line that names REDIS_URL and shows nothing of it', (url, why) => {
    const message = refusalOf(url);
    expect(message).toMatch(/^REDIS_URL /);
    expect(message).toContain(why);
    expect(message).not.toMatch(/hunter22|\n/);
  });

  it('of whatever text it is given, reads it or refuses it in one line', () => {
    const random = seeded(11);
    const pieces = [
      'redis',
      's',
      '-sentinel',
      '://',
      ':',
      '@',
      ',',
      '/',
      '?',
      '#',
      '[',
      ']',
      '::1',
      '%',
      '&',
      '=',
    ].concat(['sentinelMasterId', 'sentinelPassword', 'main', '6379', 'a.b', ' ', '\n', 'ü', '\u0000']);
    const seen = { read: 0, refused: 0 };
    for (let round = 0; round < 5_000; round += 1) {
      const rest = Array.from({ length: below(random, 12) }, () => pieces[below(random, pieces.length)]);
      const url = `redis-sentinel://a${rest.join('')}${round % 2 === 0 ? '?sentinelMasterId=main' : ''}`;
      let shown: string;
      try {
        shown = showRedis(parseRedisUrl(url));
        seen.read += 1;
      } catch (error) {
        expect(error, url).toMatchObject({ code: 'CONFIG_INVALID' });
        shown = (error as Error).message;
        seen.refused += 1;
      }
      expect(shown, url).not.toContain('\n');
    }
    expect(Math.min(seen.read, seen.refused)).toBeGreaterThan(50);
  });

  it('has passwords hidden from logs, as they are and as the URL has them', () => {
    parseRedisUrl('redis://:correct%2Fhorse@redis');
    expect(redact('correct/horse and correct%2Fhorse')).toBe('*** and ***');
    parseRedisUrl('redis-sentinel://:battery%2F1@a,b?sentinelMasterId=main&sentinelPassword=staple%40%402');
    expect(redact('of Redis battery/1 battery%2F1, of them staple@@2 staple%40%402')).toBe(
      'of Redis *** ***, of them *** ***',
    );
  });

  it('has the password of sentinels hidden, too, where it refuses the rest', () => {
    refusalOf('redis-sentinel://:battery-1@a,b?sentinelPassword=staple%402&else=1');
    expect(redact('battery-1 staple%402')).toBe('*** ***');
  });
});

describe('showRedis', () => {
  it('shows where it is, without passwords', () => {
    expect(showRedis(parseRedisUrl('redis://:hunter22@[::1]:1'))).toBe('Redis at [::1]:1');
    const url = 'redis-sentinel://:hunter22@[::1]:1,b/2?sentinelMasterId=main&sentinelPassword=hunter23';
    expect(showRedis(parseRedisUrl(url))).toBe('Redis main of the sentinels at [::1]:1, b:26379');
  });
});

describe('ioredisOptions', () => {
  it('encrypt the way to sentinels and to Redis, or neither', () => {
    const url =
      'rediss-sentinel://app:hunter22@a?sentinelMasterId=main&sentinelUsername=u&sentinelPassword=p';
    expect(ioredisOptions(parseRedisUrl(url))).toMatchObject({
      sentinels: [{ host: 'a', port: 26_379 }],
      name: 'main',
      username: 'app',
      password: 'hunter22',
      sentinelUsername: 'u',
      sentinelPassword: 'p',
      tls: {},
      sentinelTLS: {},
      enableTLSForSentinelMode: true,
    });
    const plain = ioredisOptions(parseRedisUrl('redis-sentinel://a?sentinelMasterId=main'));
    expect(plain).not.toHaveProperty('tls');
    expect(plain).not.toHaveProperty('sentinelTLS');
  });

  it('take both words for READONLY: of a command, and of a script in an old Redis', () => {
    const { reconnectOnError } = ioredisOptions(parseRedisUrl('redis://redis'));
    const told = (text: string): unknown => reconnectOnError!(new Error(text));
    expect(told("READONLY You can't write against a read only replica.")).toBe(true);
    expect(told("ERR Error running script (call to f_1): @user_script:1: -READONLY You can't write")).toBe(
      true,
    );
    expect(told('OOM command not allowed')).toBe(false);
  });
});
