import { describe, expect, it } from 'vitest';
import { tokenCheck } from '../../src/api/auth.ts';
import { refuseExposure } from '../../src/api/exposure.ts';
import { isLoopback } from '../../src/loopback.ts';
import { Service } from './service.ts';

describe('the token', () => {
  it('is demanded of pushes and metrics, not of the probes', async () => {
    await using service = await Service.start({ api: { token: 's3cret' } });
    const without = await service.post('/jobs/add', '{}');
    expect([without.statusCode, without.json().error.code]).toEqual([401, 'UNAUTHORIZED']);
    expect(without.headers['www-authenticate']).toBe('Bearer');
    expect((await service.get('/metrics')).statusCode).toBe(401);
    expect((await service.get('/health')).statusCode).toBe(200);
    expect((await service.get('/ready')).statusCode).toBe(200);
    expect(service.faktory.counts().enqueued).toBe(0);
    const authorization = 'Bearer s3cret';
    expect((await service.post('/jobs/add', '{}', { authorization })).statusCode).toBe(202);
    expect((await service.get('/metrics', { authorization })).statusCode).toBe(200);
  });

  it('answers the same whatever is wrong with it', async () => {
    await using service = await Service.start({ api: { token: 's3cret' } });
    const wrong = ['', 'Bearer', 'Bearer ', 'Bearer s3cre', 'Bearer s3cret2', 'Basic s3cret', 's3cret'];
    const bodies = await Promise.all(
      wrong.map(async (authorization) => (await service.post('/jobs/add', '{}', { authorization })).body),
    );
    expect(new Set(bodies).size).toBe(1);
  });

  it('may be any of several, so that they can be changed one after another', async () => {
    await using service = await Service.start({ api: { token: ['old', 'new'] } });
    for (const authorization of ['Bearer old', 'Bearer new'])
      expect((await service.post('/jobs/add', '{}', { authorization })).statusCode).toBe(202);
    expect((await service.post('/jobs/add', '{}', { authorization: 'Bearer oldnew' })).statusCode).toBe(401);
  });

  it('is taken with any case of the scheme', () => {
    const isAuthorized = tokenCheck(['other', 'a+b/c==']);
    expect(isAuthorized('bearer a+b/c==')).toBe(true);
    expect(isAuthorized('Bearer  a+b/c==')).toBe(true);
    expect(isAuthorized('Bearer A+b/c==')).toBe(false);
    expect(isAuthorized(undefined)).toBe(false);
  });
});

describe('requests of web pages', () => {
  it.each([
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'http://127.0.0.1:3000' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ] as Record<string, string>[])('are refused: %o', async (headers) => {
    await using service = await Service.start();
    const response = await service.post('/jobs/add', '{}', headers);
    expect([response.statusCode, response.json().error.code]).toEqual([403, 'CROSS_SITE']);
    expect(service.faktory.counts().enqueued).toBe(0);
  });

  it('are none when a person looks at a probe in a browser', async () => {
    await using service = await Service.start();
    expect((await service.get('/health', { 'sec-fetch-site': 'none' })).statusCode).toBe(200);
  });
});

describe('listening beyond loopback', () => {
  it.each(['127.0.0.1', '127.8.9.10', '::1', '0:0:0:0:0:0:0:1', 'localhost', 'LocalHost'])(
    '%s is loopback',
    (host) => {
      expect(isLoopback(host)).toBe(true);
      refuseExposure(host, false, false);
    },
  );

  it.each(['0.0.0.0', '::', '', '10.0.0.1', 'api-service', '127.0.0.1.evil.example', '128.0.0.1'])(
    '"%s" is not, and needs a token or a word',
    (host) => {
      expect(isLoopback(host)).toBe(false);
      expect(() => refuseExposure(host, false, false)).toThrow(
        `API_HOST is "${host}", which other machines can reach: set API_TOKEN, or API_INSECURE=true`,
      );
      refuseExposure(host, true, false);
      refuseExposure(host, false, true);
    },
  );
});
