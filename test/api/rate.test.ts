import { expect, it } from 'vitest';
import { RateWindow } from '../../src/api/rate.ts';
import { SILENT } from '../../src/logger.ts';
import { Service } from './service.ts';

/** The statuses of so many requests, sent together. */
async function burst(service: Service, count: number, authorization?: string): Promise<number[]> {
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  const answers = Array.from({ length: count }, () => service.post('/jobs/add', '{}', headers));
  return (await Promise.all(answers)).map(({ statusCode }) => statusCode);
}

it('lets so many a second of each caller', () => {
  const window = new RateWindow(2);
  const admitted = (caller: string, now: number) => [1, 2, 3].map(() => window.admits(caller, now));
  expect(admitted('a', 1_000)).toEqual([true, true, false]);
  expect(admitted('a', 1_999)).toEqual([false, false, false]);
  expect(admitted('b', 1_999)).toEqual([true, true, false]);
  expect(admitted('a', 2_000)).toEqual([true, true, false]);
});

it('answers 429 with Retry-After beyond API_RATE_LIMIT, and tells of it once', async () => {
  const warned: object[] = [];
  const logger = { ...SILENT, warn: (fields: object) => void warned.push(fields) };
  await using service = await Service.start({ api: { rateLimit: 3, logger } });
  const statuses = await burst(service, 20);
  const stored = statuses.filter((status) => status === 202).length;
  expect(statuses.filter((status) => status === 429)).toHaveLength(20 - stored);
  // Twice as many where a second begins between them.
  expect([3, 6]).toContain(stored);
  expect(service.faktory.counts().enqueued).toBe(stored);
  expect(warned).toEqual([{ reason: 'rate', count: 1, address: '127.0.0.1' }]);
});

it('answers as any other problem, and leaves the probes alone', async () => {
  await using service = await Service.start({ api: { rateLimit: 1 } });
  await burst(service, 4);
  // Two at once: one second cannot let both.
  const answers = await Promise.all([0, 1, 2].map(() => service.post('/jobs/add', '{}')));
  const refused = answers.find(({ statusCode }) => statusCode === 429)!;
  expect(refused.json().error.code).toBe('RATE_LIMITED');
  expect(refused.headers).toMatchObject({
    'retry-after': '1',
    'content-type': 'application/json; charset=utf-8',
  });
  expect(refused.headers['x-ratelimit-limit']).toBeUndefined();
  const probes = await Promise.all(Array.from({ length: 10 }, () => service.get('/health')));
  expect(new Set(probes.map(({ statusCode }) => statusCode))).toEqual(new Set([200]));
});

it('counts by token, however it is written', async () => {
  await using service = await Service.start({ api: { rateLimit: 2, token: ['first', 'second'] } });
  const [first, second] = await Promise.all([
    Promise.all(
      ['Bearer first', 'bearer first', 'Bearer  first', 'Bearer first '].map((a) => burst(service, 2, a)),
    ),
    burst(service, 2, 'Bearer second'),
  ]);
  expect(first.flat().filter((status) => status === 429).length).toBeGreaterThanOrEqual(4);
  expect(second).toEqual([202, 202]);
});
