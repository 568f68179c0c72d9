import { describe, expect, it } from 'vitest';
import { type Intercept, startEmbeddedFaktory } from '../../src/embedded/index.ts';
import { SILENT } from '../../src/logger.ts';
import { until } from '../helpers/until.ts';
import { Service } from './service.ts';

const isPush = (line: string): boolean => line.startsWith('PUSH');
/** Swallows pushes: they are neither run nor answered. */
const swallow: Intercept = (line) => (isPush(line) ? '' : undefined);
/** All of them: the answer of a later command would be taken for that of one that is swallowed. */
const swallowAll: Intercept = (line) => (line.startsWith('HELLO') ? undefined : '');

describe('the API in trouble', () => {
  it('answers 503 with Retry-After at once while Faktory is away, and is not ready', async () => {
    await using service = await Service.start();
    await service.faktory.stop();
    await until(() => !service.client.connected);
    const response = await service.post('/jobs/add', '{}');
    expect(response.statusCode).toBe(503);
    expect(response.headers['retry-after']).toBe('1');
    expect(response.json().error).toMatchObject({ code: 'FAKTORY_UNREACHABLE' });
    expect(response.body).not.toContain(String(service.faktory.port));
    expect((await service.get('/ready')).statusCode).toBe(503);
    expect((await service.get('/health')).statusCode).toBe(200);
    expect(await service.metric('millrace_api_jobs_total{outcome="unreachable"}')).toBe(1);
  });

  it('answers 503 with Retry-After from the limit until half of it has drained', async () => {
    let held = true;
    const intercept: Intercept = (line) => (held ? swallowAll(line, undefined) : undefined);
    await using service = await Service.start({ client: { maxInFlight: 2 }, faktory: { intercept } });
    const waiting = [service.post('/jobs/add'), service.post('/jobs/add')];
    await until(() => service.client.inFlight === 2);
    const refused = await service.post('/jobs/add');
    expect([refused.statusCode, refused.headers['retry-after']]).toEqual([503, '1']);
    expect(refused.json().error.code).toBe('PRESSURE');
    expect(await service.metric('millrace_push_in_flight')).toBe(2);
    expect(await service.metric('millrace_api_jobs_total{outcome="pressure"}')).toBe(1);
    // The swallowed ones are sent again on a new connection, and then Faktory has each of them.
    held = false;
    const { port } = service.faktory;
    await service.faktory.stop();
    await using again = await startEmbeddedFaktory({ port });
    expect((await Promise.all(waiting)).map((each) => each.statusCode)).toEqual([202, 202]);
    expect(again.counts().enqueued).toBe(2);
    expect((await service.post('/jobs/add')).statusCode).toBe(202);
  });

  it('answers 504 with the jid when nobody knows whether Faktory has the job', async () => {
    await using service = await Service.start({
      client: { deliveryTimeoutMs: 1 },
      faktory: { intercept: swallow },
    });
    const posted = service.post('/jobs/add', '{}');
    await until(() => service.client.inFlight === 1);
    await service.faktory.stop();
    const response = await posted;
    expect(response.statusCode).toBe(504);
    expect(response.json().error).toEqual({
      code: 'DELIVERY_UNKNOWN',
      message: expect.any(String),
      jid: expect.stringMatching(/^[\w-]{16}$/),
    });
  });

  it('answers 422 with the reason when Faktory refuses the job', async () => {
    const intercept: Intercept = (line) => {
      if (!isPush(line)) return undefined;
      const jid = /"jid":"([^"]+)"/.exec(line)?.[1] ?? '';
      const map = JSON.stringify({ [jid]: 'queue names must match a rule' });
      return `$${map.length}\r\n${map}\r\n`;
    };
    await using service = await Service.start({ faktory: { intercept } });
    const response = await service.post('/jobs/add', '{}');
    expect([response.statusCode, response.json().error.code]).toEqual([422, 'JOB_REJECTED']);
    expect(response.json().error.message).toContain('queue names must match a rule');
  });

  it('never tells a stack trace, and logs what it does not know', async () => {
    const logged: object[] = [];
    const logger = { ...SILENT, error: (fields: object): void => void logged.push(fields) };
    await using service = await Service.start({ api: { logger } });
    const bug = new TypeError('secret of the inside');
    service.client.push = () => Promise.reject(bug);
    const response = await service.post('/jobs/add', '{}');
    expect([response.statusCode, response.json().error.code]).toEqual([500, 'INTERNAL']);
    expect(response.body).not.toContain('secret');
    expect(logged).toEqual([{ err: bug, requestId: response.headers['x-request-id'] }]);
  });
});
