/** Idempotency-Keys in a real Redis, which several API processes share. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { Api } from '../../src/api/app.ts';
import { RedisStore } from '../../src/api/idempotency/redis-store.ts';
import { Client } from '../../src/client/client.ts';
import { SILENT } from '../../src/logger.ts';
import { parseRedisUrl, RedisLink } from '../../src/redis.ts';
import { newKey, type StoreTimes, storeCases } from '../api/idempotency/store-cases.ts';
import { Service } from '../api/service.ts';
import { describeWithRedis } from '../helpers/describe-with-redis.ts';
import { startEmbeddedFaktory } from '../helpers/embedded-faktory.ts';
import { freePort } from '../helpers/free-port.ts';
import { startProcess } from '../helpers/process.ts';
import { type RedisServer, startRedis } from '../helpers/redis-server.ts';
import { until } from '../helpers/until.ts';
import { millrace, ran, untilReady } from './millrace.ts';

const KEYED = { 'idempotency-key': 'a-key' };

describeWithRedis('Idempotency-Keys in Redis', () => {
  let redis: RedisServer;
  const links: RedisLink[] = [];
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis[Symbol.asyncDispose]());
  afterEach(() => {
    for (const link of links.splice(0)) link.close();
  });

  function linkOf(): RedisLink {
    const link = new RedisLink({ address: parseRedisUrl(redis.url), logger: SILENT });
    links.push(link);
    return link;
  }
  function storeOf(times: StoreTimes): RedisStore {
    return new RedisStore({ link: linkOf(), ...times });
  }

  storeCases(storeOf);

  it('gives a key to one of a hundred who ask over several connections', async () => {
    const times = { ttlMs: 60_000, leaseMs: 30_000 };
    const stores = [storeOf(times), storeOf(times), storeOf(times)];
    const by = newKey();
    const asked = Array.from({ length: 100 }, (_, i) => stores[i % 3]!.begin(by(`owner${i}`)));
    const begun = (await Promise.all(asked)).map(({ is }) => is);
    expect(begun.filter((is) => is === 'new')).toHaveLength(1);
    expect(begun.filter((is) => is === 'running')).toHaveLength(99);
  });

  it('keeps each key for its time and no longer', async () => {
    const store = storeOf({ ttlMs: 60_000, leaseMs: 30_000 });
    const attempt = newKey()('a');
    const left = () => linkOf().use((commands) => commands.pttl(`millrace:idempotency:${attempt.id}`));
    await store.begin(attempt);
    // Its lease, and its time as an unknown one.
    expect(await left()).toBeGreaterThan(60_000);
    expect(await left()).toBeLessThanOrEqual(90_000);
    await store.finish(attempt, { is: 'stored', queue: 'default' });
    expect(await left()).toBeGreaterThan(0);
    expect(await left()).toBeLessThanOrEqual(60_000);
    await store.finish(attempt, { is: 'failed' });
    expect(await left()).toBeGreaterThan(0);
  });
});

describeWithRedis('APIs that share a Redis', () => {
  /** Two APIs over one Faktory and one Redis. */
  async function two(url: string) {
    const idempotency = { redisUrl: url, ttlS: 60, hasSiblings: true };
    const service = await Service.start({ api: { idempotency } });
    const other = new Api({
      client: service.client,
      token: undefined,
      jobDefaults: { retry: 3, reserveFor: 1_800 },
      logger: false,
      idempotency,
    });
    const post = (api: Api, payload = '{}', headers: Record<string, string> = KEYED) =>
      api.app.inject({ method: 'POST', url: '/jobs/add', payload, headers });
    return { service, other, post };
  }

  it('push a job once, whichever of them is asked', async () => {
    await using redis = await startRedis();
    const { service, other, post } = await two(redis.url);
    await using _ = service;
    await using __ = other;
    const asked = [service.api, other, service.api, other].map((api) => post(api));
    const answers = await Promise.all(asked);
    // The one that lost the race hears so, or already what became of it.
    for (const { statusCode, headers } of answers)
      expect([202, 409], `${statusCode} ${headers['retry-after']}`).toContain(statusCode);
    const [first, again] = [await post(service.api), await post(other)];
    expect([first.statusCode, again.statusCode]).toEqual([202, 202]);
    expect(again.body).toBe(first.body);
    expect((await post(other, '[1]')).statusCode).toBe(422);
    expect(service.faktory.counts().enqueued).toBe(1);
  });

  it('answer 409 while the other is at it', async () => {
    await using redis = await startRedis();
    const { service, other, post } = await two(redis.url);
    await using _ = service;
    await using __ = other;
    const push = service.client.push.bind(service.client);
    let goOn: (() => void) | undefined;
    service.client.push = (async (job: never) => {
      await new Promise<void>((resolve) => {
        goOn = resolve;
      });
      return push(job);
    }) as typeof service.client.push;
    const first = post(service.api);
    await until(() => goOn);
    const answer = await post(other);
    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([409, '1']);
    expect(answer.json().error.code).toBe('IDEMPOTENCY_RUNNING');
    goOn!();
    expect((await first).statusCode).toBe(202);
    expect((await post(other)).headers['idempotency-replayed']).toBe('true');
  });

  it('answer 503 to keys alone while Redis is away or stands still, and go on when it is back', async () => {
    await using redis = await startRedis();
    const { service, other, post } = await two(redis.url);
    await using _ = service;
    await using __ = other;
    expect((await post(service.api)).statusCode).toBe(202);
    for (const signal of ['SIGSTOP', 'SIGKILL'] as const) {
      await redis.kill(signal);
      const keyed = await post(service.api, '{}', { 'idempotency-key': signal });
      expect([keyed.statusCode, keyed.headers['retry-after']]).toEqual([503, '1']);
      expect(keyed.json().error.code).toBe('IDEMPOTENCY_UNAVAILABLE');
      expect((await post(service.api, '{}', {})).statusCode).toBe(202);
    }
    expect(await service.metric('millrace_api_idempotency_total{outcome="unavailable"}')).toBe(2);
    await redis.start();
    const back = async () => (await post(service.api, '{}', { 'idempotency-key': 'new' })).statusCode === 202;
    await until(back, { what: 'a key that is taken again' });
  });
});

describeWithRedis('millrace api with REDIS_URL', () => {
  it('does not start with a wrong one, and says so in one line without its password', async () => {
    const { code, lines } = await ran(['api'], {
      env: { REDIS_URL: 'http://:hunter22@redis:6379', API_PORT: String(await freePort()) },
    });
    expect(code).not.toBe(0);
    expect(lines.filter((line) => line.includes('REDIS_URL'))).toHaveLength(1);
    expect(lines.join('\n')).not.toContain('hunter22');
  });

  it('starts without its Redis, warns once, and takes keys once that is there', async () => {
    await using redis = await startRedis({ password: 'hunter22' });
    await redis.kill('SIGKILL');
    await using faktory = await startEmbeddedFaktory();
    const { api, post } = await startApi({ FAKTORY_URL: faktory.url, REDIS_URL: redis.url });
    await using _ = api;
    await until(async () => (await post()).status === 503, { what: 'a 503' });
    await redis.start();
    await until(async () => (await post()).status === 202, { what: 'a 202' });
    expect((await post()).headers.get('idempotency-replayed')).toBe('true');
    expect(api.lines.filter((line) => line.includes('ECONNREFUSED'))).toHaveLength(1);
    expect(api.output).not.toContain('hunter22');
  });

  it('loads ioredis only where REDIS_URL is set', async () => {
    const script = `
      const { createRequire } = await import('node:module');
      const { createApi } = await import(${JSON.stringify(new URL('../../dist/api/index.js', import.meta.url).href)});
      const api = createApi({ logger: false });
      const headers = { 'idempotency-key': 'a' };
      await api.app.inject({ method: 'POST', url: '/jobs/add', payload: '{}', headers });
      const { cache } = createRequire('/');
      console.log('loaded', Object.keys(cache).some((file) => file.includes('ioredis')));
      process.exit();`;
    const loads = async (env: Record<string, string>): Promise<string> => {
      await using child = startProcess(process.execPath, ['--input-type=module', '-e', script], { env });
      return (await child.waitForLine(/loaded (true|false)/))[1]!;
    };
    expect(await loads({})).toBe('false');
    expect(await loads({ REDIS_URL: 'redis://127.0.0.1:1' })).toBe('true');
  });

  it('shares keys among its processes, and takes none where they have no Redis', async () => {
    await using redis = await startRedis();
    await using faktory = await startEmbeddedFaktory();
    const settings = { FAKTORY_URL: faktory.url, API_PROCESSES: '2' };
    const shared = await startApi({ ...settings, REDIS_URL: redis.url });
    await using _ = shared.api;
    const jids = new Set<string>();
    for (let i = 0; i < 10; i += 1) jids.add(await (await shared.post()).text());
    expect(jids.size).toBe(1);
    const alone = await startApi(settings);
    await using __ = alone.api;
    const refused = await alone.post();
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain('IDEMPOTENCY_NEEDS_REDIS');
    await using client = await new Client({ url: faktory.url, logger: false }).connect();
    const { queues } = await client.queueReport();
    expect(queues.default?.size).toBe(1);
  });
});

/** `millrace api` on a free port, and a request with a key, over a connection of its own. */
async function startApi(env: Record<string, string>) {
  const port = await freePort();
  const api = millrace(['api'], { env: { API_PORT: String(port), ...env } });
  const url = `http://127.0.0.1:${port}`;
  await untilReady(url);
  const headers = { ...KEYED, connection: 'close' };
  return { api, post: () => fetch(`${url}/jobs/add`, { method: 'POST', body: '{}', headers }) };
}
