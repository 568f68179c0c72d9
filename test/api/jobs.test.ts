import { describe, expect, it } from 'vitest';
import { Service } from './service.ts';

describe('POST /jobs/:jobtype', () => {
  it('answers 202 with the jid once Faktory has the job', async () => {
    await using service = await Service.start();
    const response = await service.post('/jobs/add', '{"a": 1, "b": 2}');
    expect(response.statusCode).toBe(202);
    expect(response.headers['content-type']).toBe('application/json; charset=utf-8');
    const { jid } = response.json();
    expect(service.faktory.counts().queues).toEqual({ default: 1 });
    expect(await service.fetch()).toMatchObject({
      jid,
      jobtype: 'add',
      args: [{ a: 1, b: 2 }],
      queue: 'default',
      retry: 3,
      reserve_for: 1800,
    });
  });

  it('gives jobs the retries and the reservation it was told', async () => {
    await using service = await Service.start({ api: { jobDefaults: { retry: 7, reserveFor: 60 } } });
    await service.post('/jobs/add');
    expect(await service.fetch()).toMatchObject({ retry: 7, reserve_for: 60 });
  });

  it.each([
    ['an object as the one argument', '{"a":1}', [{ a: 1 }]],
    ['an array as all of them', '[1,"two",null,{"a":[]}]', [1, 'two', null, { a: [] }]],
    ['an empty array as none', '[]', []],
    ['null as none', 'null', []],
    ['no body as none', undefined, []],
    ['an empty body as none', '', []],
    ['a nested array as one', '[[1,2]]', [[1, 2]]],
    ['any Unicode', '["ü→🚀\\u0000"]', ['ü→🚀\u0000']],
    ['a byte order mark before the JSON', '\uFEFF{"a":1}', [{ a: 1 }]],
  ])('takes %s', async (_, body, args) => {
    await using service = await Service.start();
    expect((await service.post('/jobs/add', body)).statusCode).toBe(202);
    expect((await service.fetch())?.args).toEqual(args);
  });

  it.each([
    'application/json',
    'application/x-www-form-urlencoded',
    'text/plain',
    'application/octet-stream',
    'multipart/form-data',
    'garbage',
    ';',
  ])('reads JSON whatever the content type says: %s', async (type) => {
    await using service = await Service.start();
    expect((await service.post('/jobs/add', '{"a":1}', { 'content-type': type })).statusCode).toBe(202);
    expect((await service.fetch())?.args).toEqual([{ a: 1 }]);
  });

  it('reads JSON without a content type', async () => {
    await using service = await Service.start();
    expect((await service.post('/jobs/add', Buffer.from('{"a":1}'), {})).statusCode).toBe(202);
    expect((await service.fetch())?.args).toEqual([{ a: 1 }]);
  });

  it('takes any jobtype that Faktory takes', async () => {
    await using service = await Service.start();
    for (const jobtype of ['a/b', '__proto__', 'constructor', 'ü 1', 'a'.repeat(256)]) {
      expect((await service.post(`/jobs/${encodeURIComponent(jobtype)}`)).statusCode).toBe(202);
      expect((await service.fetch())?.jobtype).toBe(jobtype);
    }
  });

  it.each([
    ['broken JSON', '{"a":', 'BODY_INVALID'],
    ['text', 'hello', 'BODY_INVALID'],
    ['blanks only', ' \n', 'BODY_INVALID'],
    ['a number', '1', 'BODY_INVALID'],
    ['a string', '"a"', 'BODY_INVALID'],
    ['a boolean', 'true', 'BODY_INVALID'],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'BODY_INVALID'],
    ['a key that would poison prototypes', '{"__proto__":{"admin":true}}', 'BODY_INVALID'],
    ['the same deeper', '[{"a":{"constructor":{"prototype":{}}}}]', 'BODY_INVALID'],
    ['what is nested too deep', '['.repeat(200) + ']'.repeat(200), 'BODY_INVALID'],
    ['a key that is there twice', '{"a":1,"a":2}', 'BODY_INVALID'],
    ['a number that cannot be kept', '{"a":12345678901234567890}', 'BODY_INVALID'],
  ])('refuses %s with 400 and pushes nothing', async (_, body, code) => {
    await using service = await Service.start();
    const response = await service.post('/jobs/add', body);
    expect(response.statusCode).toBe(400);
    expect(response.json().error).toMatchObject({ code, message: expect.any(String) });
    expect(service.faktory.counts().enqueued).toBe(0);
    expect(await service.metric('millrace_api_jobs_total{outcome="stored"}')).toBe(0);
  });

  it('keeps the connection after a body that is no JSON: all of it was read', async () => {
    await using service = await Service.start();
    const response = await service.post('/jobs/add', '{"a":');
    expect([response.statusCode, response.headers.connection]).toEqual([400, 'keep-alive']);
  });

  it.each([
    ['', 'no name'],
    ['a%0Ab', 'a control character'],
    ['a'.repeat(257), 'too long a name'],
  ])('refuses the jobtype "%.10s": %s', async (jobtype) => {
    await using service = await Service.start();
    const response = await service.post(`/jobs/${jobtype}`, '{}');
    expect([response.statusCode, response.json().error.code]).toEqual([400, 'JOB_INVALID']);
    expect(response.json().error.faults).toMatchObject([{ path: 'jobtype' }]);
  });

  it('shows a long jobtype whole characters long', async () => {
    await using service = await Service.start();
    const response = await service.post(`/jobs/${encodeURIComponent('🚀'.repeat(200))}`, '{}');
    expect(response.json().error.message).toMatch(/^jobtype is "🚀{39}, it/u);
  });

  it('refuses a body over the limit with 413, announced or not', async () => {
    await using service = await Service.start({ api: { bodyLimit: 100 } });
    const large = JSON.stringify({ a: 'x'.repeat(100) });
    const announced = await service.post('/jobs/add', large);
    expect([announced.statusCode, announced.json().error]).toEqual([
      413,
      { code: 'BODY_TOO_LARGE', message: 'the body is larger than the 100 bytes of API_BODY_LIMIT' },
    ]);
    expect(service.faktory.counts().enqueued).toBe(0);
  });

  it('takes 1 MiB and no more unless told', async () => {
    await using service = await Service.start();
    const ofBytes = (bytes: number) => JSON.stringify(['x'.repeat(bytes - 4)]);
    expect((await service.post('/jobs/add', ofBytes(1024 * 1024))).statusCode).toBe(202);
    expect((await service.post('/jobs/add', ofBytes(1024 * 1024 + 1))).statusCode).toBe(413);
  });

  it('refuses a compressed body with 415', async () => {
    await using service = await Service.start();
    const response = await service.post('/jobs/add', '{}', { 'content-encoding': 'gzip' });
    expect([response.statusCode, response.json().error.code]).toEqual([415, 'ENCODING_UNSUPPORTED']);
  });

  it('counts jobs by what became of them, and times requests', async () => {
    await using service = await Service.start();
    await service.post('/jobs/add', '{}');
    await service.post('/jobs/add', '[]');
    await service.post('/jobs/add', '1');
    expect(await service.metric('millrace_api_jobs_total{outcome="stored"}')).toBe(2);
    expect(await service.metric('millrace_api_jobs_total{outcome="invalid"}')).toBe(1);
    const timed = 'millrace_api_request_duration_seconds_count{route="/jobs/:jobtype",status="202"}';
    expect(await service.metric(timed)).toBe(2);
  });
});
