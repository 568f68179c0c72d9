import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { hostRule, nameOf } from '../../src/api/hosts.ts';
import { Service } from './service.ts';

describe('the Host of a request without a token', () => {
  const isKnown = hostRule(['api.example.com']);

  it.each([
    '127.0.0.1',
    '127.0.0.1:3000',
    '10.1.2.3:3000',
    '[::1]',
    '[::1]:3000',
    '[2001:DB8::1]:3000',
    '[::ffff:127.0.0.1]:3000',
    'localhost',
    'LocalHost:3000',
    'localhost.',
    'app.localhost:3000',
    'api-service:3000',
    'api_service',
    hostname(),
    `${hostname().toUpperCase()}:3000`,
    'api.example.com',
    'API.Example.com.:3000',
    'localhost:',
  ])('is known: %s', (host) => {
    expect([isKnown(host), isKnown(host)]).toEqual([true, true]);
  });

  it.each([
    'evil.example',
    'evil.example:3000',
    'evil.example.',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    'evil-localhost.example',
    'x.api.example.com',
    '',
    ':3000',
    '.',
    '..',
    '.localhost:x',
    'user@127.0.0.1',
    'localhost@evil.example',
    'evil.example#localhost',
    'localhost/evil',
    'localhost evil',
    'localhost, evil.example',
    '[::1',
    '::1',
    '[evil.example]',
    '[::1].evil.example',
    '127.0.0.1:3000:3000',
    'localhost:123456',
    'localhost\u0000',
    'lоcalhost.com',
  ])('is not: %j', (host) => {
    expect([isKnown(host), isKnown(host)]).toEqual([false, false]);
  });

  it('is read without its port, its case and its last dot', () => {
    expect(nameOf('API.Example.com.:3000')).toBe('api.example.com');
    expect(nameOf('[2001:DB8::1]:3000')).toBe('2001:db8::1');
  });

  it('answers 421 and names the setting', async () => {
    await using service = await Service.start({ api: { hosts: ['api.example.com'] } });
    const refused = await service.post('/jobs/add', '{}', { host: 'rebound.example' });
    expect([refused.statusCode, refused.json().error.code]).toEqual([421, 'HOST_UNKNOWN']);
    expect(refused.json().error.message).toContain('API_HOSTS');
    expect(service.faktory.counts().enqueued).toBe(0);
    expect((await service.post('/jobs/add', '{}', { host: 'api.example.com' })).statusCode).toBe(202);
  });

  it('is anything where there is a token, which no page of another name has', async () => {
    await using service = await Service.start({ api: { token: 's3cret' } });
    const headers = { host: 'rebound.example', authorization: 'Bearer s3cret' };
    expect((await service.post('/jobs/add', '{}', headers)).statusCode).toBe(202);
  });
});
