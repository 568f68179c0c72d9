import { describe, expect, it } from 'vitest';
import { tokenCheck } from '../../src/api/auth.ts';
import { refuseExposure } from '../../src/api/exposure.ts';
import { SILENT } from '../../src/logger.ts';
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
    const callerOf = tokenCheck(['other', 'a+b/c==']);
    const caller = callerOf('bearer a+b/c==');
    expect(caller).toMatch(/^[0-9a-f]{32}$/);
    expect(callerOf('Bearer  a+b/c==')).toBe(caller);
    expect(callerOf('Bearer other')).not.toBe(caller);
    expect(callerOf('Bearer A+b/c==')).toBeUndefined();
    expect(callerOf(undefined)).toBeUndefined();
  });
});

describe('wrong tokens without end', () => {
  it('close their address for a while, to the right one too, and are told once', async () => {
    const warned: object[] = [];
    const logger = { ...SILENT, warn: (fields: object) => void warned.push(fields) };
    await using service = await Service.start({ api: { token: 's3cret', logger } });
    const post = (token: string) => service.post('/jobs/add', '{}', { authorization: `Bearer ${token}` });
    for (let i = 0; i <= 100; i += 1) expect((await post(`guess${i}`)).statusCode).toBe(401);
    for (const token of ['guess', 's3cret']) {
      const refused = await post(token);
      expect([refused.statusCode, refused.json().error.code]).toEqual([429, 'RATE_LIMITED']);
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(30);
      expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(60);
    }
    expect((await service.get('/health')).statusCode).toBe(200);
    expect(service.faktory.counts().enqueued).toBe(0);
    expect(warned).toEqual([{ reason: 'tokens', count: 1, address: '127.0.0.1' }]);
  });

  it('close nothing to an address that sends the right one, too', async () => {
    await using service = await Service.start({ api: { token: 's3cret' } });
    const post = (token: string) => service.post('/jobs/add', '{}', { authorization: `Bearer ${token}` });
    expect((await post('s3cret')).statusCode).toBe(202);
    for (let i = 0; i < 150; i += 1) expect((await post('wrong')).statusCode).toBe(401);
    expect((await post('s3cret')).statusCode).toBe(202);
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
