import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { requestIds } from '../../src/api/request-log.ts';
import { type Logger, SILENT } from '../../src/logger.ts';
import { Service } from './service.ts';

describe('the id of a request', () => {
  const idOf = requestIds();
  const asked = (id?: string): string =>
    idOf({ headers: id === undefined ? {} : { 'x-request-id': id } } as unknown as IncomingMessage);

  it.each(['a', 'Az09._:-', 'x'.repeat(128)])('is what the client calls it: %s', (id) => {
    expect(asked(id)).toBe(id);
  });

  it.each(['', 'x'.repeat(129), 'a b', 'a\r\nb', 'a\u001b[31m', 'ä', 'a"b', 'a,b', undefined])(
    'is one of our own, and never the same, instead of %j',
    (id) => {
      const [first, second] = [asked(id), asked(id)];
      expect(first).toMatch(/^[\w-]{8}-[0-9a-z]+$/);
      expect(second).not.toBe(first);
      expect(asked(first)).toBe(first);
    },
  );

  it('is in the head of every answer, of refusals too', async () => {
    await using service = await Service.start({ api: { token: 's3cret' } });
    const headers = { 'x-request-id': 'mine-1' };
    for (const url of ['/jobs/add', '/nothing', '/health', '/jobs/%zz']) {
      const answer = await service.post(url, '{}', headers);
      expect([url, answer.headers['x-request-id']]).toEqual([url, 'mine-1']);
    }
  });

  it('comes with what keeps answers to GET out of caches, and from being taken for a script', async () => {
    await using service = await Service.start();
    for (const url of ['/health', '/metrics', '/nothing', '/jobs/add', '/%zz'])
      expect((await service.get(url)).headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
      });
  });
});

describe('the log at debug level', () => {
  it('has a line a request, with the jid or the code, and nothing that it carried', async () => {
    const { lines, logger } = listening('debug');
    await using service = await Service.start({ api: { logger, token: 's3cret' } });
    const authorization = 'Bearer s3cret';
    const pushed = await service.post('/jobs/add?q=query-value', '{"a":"body-value"}', { authorization });
    await service.post('/jobs/a%0Ab', '{"a"', { authorization, 'x-request-id': 'mine' });
    await service.post('/jobs/add', '{}', { authorization: 'Bearer tok3n-value' });
    await service.get('/no\u001bthing?q=query-value');
    expect(lines).toMatchObject([
      {
        method: 'POST',
        route: '/jobs/:jobtype',
        status: 202,
        jid: pushed.json().jid,
        ms: expect.any(Number),
      },
      { method: 'POST', route: '/jobs/:jobtype', status: 400, code: 'BODY_INVALID', requestId: 'mine' },
      { method: 'POST', route: '/jobs/:jobtype', status: 401, code: 'UNAUTHORIZED' },
      { method: 'GET', route: 'none', status: 404, code: 'NOT_FOUND' },
    ]);
    expect(JSON.stringify(lines)).not.toMatch(/body-value|query-value|tok3n-value|s3cret|\\u001b|\\n/);
  });

  it('is silent at others', async () => {
    const { lines, logger } = listening('info');
    await using service = await Service.start({ api: { logger } });
    expect((await service.post('/jobs/add', '{}')).statusCode).toBe(202);
    expect(lines).toEqual([]);
  });
});

/** A logger of a level, and its debug lines. */
function listening(level: string): { lines: object[]; logger: Logger } {
  const lines: object[] = [];
  const logger: Logger = {
    ...SILENT,
    debug: (fields) => void lines.push(fields),
    isLevelEnabled: (asked) => asked === level,
  };
  return { lines, logger };
}
