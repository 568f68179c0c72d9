/** Idempotency-Key over HTTP, kept in memory; with Redis: test/system/idempotency.test.ts. */
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../src/errors.ts';
import { SILENT } from '../../src/logger.ts';
import { until } from '../helpers/until.ts';
import { Service } from './service.ts';

const KEY = 'a very telling key';
const BODY = '{"a":1,"b":[2,3]}';

function post(service: Service, url: string, body: string, headers: Record<string, string> = {}) {
  return service.post(url, body, { 'idempotency-key': KEY, ...headers });
}

function counted(service: Service, outcome: string): Promise<number> {
  return service.metric(`millrace_api_idempotency_total{outcome="${outcome}"}`);
}

/** Has the client's next push end as the test says, having pushed or not. */
function failNextPush(service: Service, error: Error): void {
  const push = service.client.push;
  service.client.push = () => {
    service.client.push = push;
    return Promise.reject(error);
  };
}

describe('a request with an Idempotency-Key', () => {
  it('is answered again as it was, and pushes its job once, also after that was run', async () => {
    await using service = await Service.start();
    const first = await post(service, '/jobs/add', BODY);
    expect(first.statusCode).toBe(202);
    expect(first.json()).toEqual({ jid: expect.stringMatching(/^[\w-]{24}$/), queue: 'default' });
    expect(first.headers['idempotency-replayed']).toBeUndefined();
    const job = await service.fetch();
    expect(job).toMatchObject({ jid: first.json().jid, args: [{ a: 1, b: [2, 3] }] });
    await service.client.send(['ACK', JSON.stringify({ jid: job!.jid })]);
    const repeat = await post(service, '/jobs/add', '{ "b": [2, 3], "a": 1 }');
    expect([repeat.statusCode, repeat.body]).toEqual([202, first.body]);
    expect(repeat.headers['idempotency-replayed']).toBe('true');
    expect(service.faktory.counts().enqueued).toBe(0);
    expect([await counted(service, 'new'), await counted(service, 'replayed')]).toEqual([1, 1]);
    expect(await service.metric('millrace_api_jobs_total{outcome="stored"}')).toBe(1);
    expect(await service.metric('millrace_api_idempotency_keys')).toBe(1);
  });

  it('takes an envelope, and the jid and queue that it names', async () => {
    await using service = await Service.start();
    const body = JSON.stringify({ jobtype: 'add', jid: 'order-4711', queue: 'sums' });
    for (let i = 0; i < 2; i += 1) {
      const response = await post(service, '/jobs', body);
      expect(response.json()).toEqual({ jid: 'order-4711', queue: 'sums' });
    }
    expect(service.faktory.counts().enqueued).toBe(1);
    const other = await post(service, '/jobs', body.replace('4711', '4712'));
    expect([other.statusCode, other.json().error.code]).toEqual([422, 'IDEMPOTENCY_MISMATCH']);
  });

  it.each([
    ['another body', '/jobs/add', '{"a":2,"b":[2,3]}'],
    ['another jobtype', '/jobs/subtract', BODY],
    ['another address', '/jobs', '{"jobtype":"add","args":[{"a":1,"b":[2,3]}]}'],
  ])('is refused with 422 for %s', async (_, url, body) => {
    await using service = await Service.start();
    await post(service, '/jobs/add', BODY);
    const response = await post(service, url, body);
    expect([response.statusCode, response.json().error.code]).toEqual([422, 'IDEMPOTENCY_MISMATCH']);
    expect(service.faktory.counts().enqueued).toBe(1);
    expect(await counted(service, 'mismatch')).toBe(1);
  });

  it('shares the outcome of one that is on its way', async () => {
    await using service = await Service.start();
    const responses = await Promise.all(Array.from({ length: 50 }, () => post(service, '/jobs/add', BODY)));
    expect(new Set(responses.map(({ statusCode, body }) => `${statusCode} ${body}`)).size).toBe(1);
    const replayed = responses.filter(({ headers }) => headers['idempotency-replayed'] === 'true');
    expect(replayed).toHaveLength(49);
    expect(service.faktory.counts().enqueued).toBe(1);
  });

  it('does not meet the same key of another token', async () => {
    await using service = await Service.start({ api: { token: ['first-token', 'other-token'] } });
    const responses = [];
    for (const token of ['first-token', 'other-token', 'first-token'])
      responses.push(await post(service, '/jobs/add', BODY, { authorization: `Bearer ${token}` }));
    const [first, other, again] = responses.map((each) => each.json().jid as string);
    expect(other).not.toBe(first);
    expect(again).toBe(first);
    expect(service.faktory.counts().enqueued).toBe(2);
  });

  it.each([
    new MillraceError('FAKTORY_UNREACHABLE'),
    new MillraceError('PRESSURE'),
    new MillraceError('JOB_REJECTED', 'no'),
    new MillraceError('PAYLOAD_INVALID', 'no'),
  ])('may be used again after $code, for any body', async (error) => {
    await using service = await Service.start();
    failNextPush(service, error);
    expect((await post(service, '/jobs/add', BODY)).json().error.code).toBe(error.code);
    const again = await post(service, '/jobs/add', '[1]');
    expect([again.statusCode, again.headers['idempotency-replayed']]).toEqual([202, undefined]);
    expect(await service.fetch()).toMatchObject({ args: [1] });
  });

  it('is not used up by a body that is refused', async () => {
    await using service = await Service.start();
    expect((await post(service, '/jobs', '{"jobtype":1}')).statusCode).toBe(400);
    expect((await post(service, '/jobs', '{"jobtype":"add","queue":"retries"}')).statusCode).toBe(400);
    expect((await post(service, '/jobs', '{"jobtype":"add"}')).statusCode).toBe(202);
  });

  it('sends the same jid again when nobody knows whether Faktory has the job', async () => {
    await using service = await Service.start();
    failNextPush(service, new MillraceError('DELIVERY_UNKNOWN'));
    const unknown = await post(service, '/jobs/add', BODY);
    expect(unknown.statusCode).toBe(504);
    const other = await post(service, '/jobs/add', '[1]');
    expect(other.json().error.code).toBe('IDEMPOTENCY_MISMATCH');
    const again = await post(service, '/jobs/add', BODY);
    expect(again.json()).toEqual({ jid: unknown.json().error.jid, queue: 'default' });
    expect(again.headers['idempotency-replayed']).toBeUndefined();
    expect(await service.fetch()).toMatchObject({ jid: unknown.json().error.jid });
    expect(await counted(service, 'resent')).toBe(1);
  });

  it('is answered while Faktory is away, when its job is stored', async () => {
    await using service = await Service.start();
    await post(service, '/jobs/add', BODY);
    await service.faktory.stop();
    await until(() => !service.client.connected);
    expect((await post(service, '/jobs/add', BODY)).statusCode).toBe(202);
    const fresh = await post(service, '/jobs/add', BODY, { 'idempotency-key': 'a new one' });
    expect([fresh.statusCode, fresh.headers['retry-after']]).toEqual([503, '1']);
  });

  it.each(['', 'a'.repeat(256), 'schl\u00fcssel'])('is refused with 400 for the key %j', async (key) => {
    await using service = await Service.start();
    const response = await post(service, '/jobs/add', BODY, { 'idempotency-key': key });
    expect([response.statusCode, response.json().error.code]).toEqual([400, 'IDEMPOTENCY_KEY_INVALID']);
    expect(service.faktory.counts().enqueued).toBe(0);
  });

  it('is refused in one of several processes without Redis, and no other request is', async () => {
    await using service = await Service.start({
      api: { idempotency: { redisUrl: undefined, hasSiblings: true } },
    });
    const response = await post(service, '/jobs/add', BODY);
    expect([response.statusCode, response.json().error.code]).toEqual([400, 'IDEMPOTENCY_NEEDS_REDIS']);
    expect(response.json().error.message).toContain('REDIS_URL');
    expect((await service.post('/jobs/add', BODY)).statusCode).toBe(202);
  });

  it('is pushed although its client hangs up, so that its repeat is answered', async () => {
    await using service = await Service.start();
    await service.api.app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = service.api.app.server.address() as { port: number };
    const push = service.client.push.bind(service.client);
    let goOn = (): void => {};
    service.client.push = (async (job: never) => {
      await new Promise<void>((resolve) => {
        goOn = resolve;
      });
      return push(job);
    }) as typeof service.client.push;
    const socket = connect({ port, host: '127.0.0.1' });
    const before = goOn;
    socket.write(
      `POST /jobs/add HTTP/1.1\r\nhost: a\r\nidempotency-key: ${KEY}\r\ncontent-length: 17\r\n\r\n${BODY}`,
    );
    await until(() => goOn !== before, { what: 'the push' });
    socket.destroy();
    // Shutting down waits for it.
    const closed = service.api.close();
    goOn();
    await closed;
    expect(service.faktory.counts().enqueued).toBe(1);
  });

  it('leaves neither its key nor its body in the log', async () => {
    const lines: string[] = [];
    const log = (fields: object, text: string): void => void lines.push(JSON.stringify(fields) + text);
    const logger = { ...SILENT, debug: log, info: log, warn: log, error: log };
    await using service = await Service.start({ api: { logger } });
    failNextPush(service, new Error('a fault'));
    const body = '{"name":"nobody is to know"}';
    expect((await post(service, '/jobs/add', body)).statusCode).toBe(500);
    await post(service, '/jobs/add', body);
    await post(service, '/jobs/add', BODY);
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join('\n')).not.toMatch(/telling|nobody/);
  });
});
