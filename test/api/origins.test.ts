import { describe, expect, it } from 'vitest';
import { crossSiteRule } from '../../src/api/origins.ts';
import { Service } from './service.ts';

const PAGE = 'https://app.example.com';

describe('requests of web pages', () => {
  it.each([
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: '' },
    { origin: 'http://127.0.0.1:3000' },
    { origin: `${PAGE}.evil.example` },
    { origin: `${PAGE}:8443` },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
  ] as Record<string, string>[])('are refused: %o', async (headers) => {
    await using service = await Service.start({ api: { origins: [PAGE] } });
    const response = await service.post('/jobs/add', '{}', headers);
    expect([response.statusCode, response.json().error.code]).toEqual([403, 'CROSS_SITE']);
    expect(response.headers['access-control-allow-origin']).toBeUndefined();
    expect(service.faktory.counts().enqueued).toBe(0);
  });

  it('are none when a person looks at a page of ours, or follows a link to it', () => {
    const isCrossSite = crossSiteRule([]);
    expect(isCrossSite({ 'sec-fetch-site': 'none' }, 'GET')).toBe(false);
    expect(isCrossSite({ 'sec-fetch-site': 'same-origin' }, 'GET')).toBe(false);
    const link = {
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
    };
    expect(isCrossSite(link, 'GET')).toBe(false);
    expect(isCrossSite(link, 'POST')).toBe(true);
    expect(isCrossSite({ ...link, 'sec-fetch-dest': 'iframe' }, 'GET')).toBe(true);
    expect(isCrossSite({ ...link, 'sec-fetch-mode': 'no-cors' }, 'GET')).toBe(true);
  });
});

describe('API_ORIGINS', () => {
  it('lets the pages push that it names, and read what is answered', async () => {
    await using service = await Service.start({ api: { origins: [PAGE], token: 's3cret' } });
    const headers = { origin: PAGE, 'sec-fetch-site': 'cross-site', authorization: 'Bearer s3cret' };
    const pushed = await service.post('/jobs/add', '{}', headers);
    expect(pushed.statusCode).toBe(202);
    expect(pushed.headers['access-control-allow-origin']).toBe(PAGE);
    expect(pushed.headers['access-control-expose-headers']).toBe(
      'retry-after, idempotency-replayed, x-request-id',
    );
    expect(pushed.headers['access-control-allow-credentials']).toBeUndefined();
    expect(pushed.headers.vary).toBe('Origin');
    // A refusal, too: else the page could not read why.
    const { authorization, ...bare } = headers;
    const refused = await service.post('/jobs/add', '{}', { ...bare, authorization: `${authorization}x` });
    expect([refused.statusCode, refused.headers['access-control-allow-origin']]).toEqual([401, PAGE]);
  });

  it('answers preflights, which bring no token', async () => {
    await using service = await Service.start({ api: { origins: [PAGE], token: 's3cret' } });
    const preflight = (origin: string) =>
      service.api.app.inject({
        method: 'OPTIONS',
        url: '/jobs/add',
        headers: { origin, 'access-control-request-method': 'POST' },
      });
    const allowed = await preflight(PAGE);
    expect([allowed.statusCode, allowed.body]).toEqual([204, '']);
    expect(allowed.headers).toMatchObject({
      'access-control-allow-origin': PAGE,
      'access-control-allow-methods': 'GET, HEAD, POST',
      'access-control-allow-headers': 'authorization, content-type, idempotency-key, partition-key',
    });
    const refused = await preflight('https://evil.example');
    expect([refused.statusCode, refused.headers['access-control-allow-origin']]).toEqual([403, undefined]);
  });

  it('takes other OPTIONS for what they are', async () => {
    await using service = await Service.start({ api: { origins: [PAGE] } });
    for (const headers of [{}, { origin: PAGE }]) {
      const response = await service.api.app.inject({ method: 'OPTIONS', url: '/jobs/add', headers });
      expect([response.statusCode, response.json().error.code]).toEqual([405, 'METHOD_NOT_ALLOWED']);
    }
  });

  it('changes nothing for those who send no Origin', async () => {
    await using service = await Service.start({ api: { origins: [PAGE] } });
    const pushed = await service.post('/jobs/add', '{}');
    expect([pushed.statusCode, pushed.headers['access-control-allow-origin']]).toEqual([202, undefined]);
  });
});
