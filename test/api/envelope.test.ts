import { describe, expect, it } from 'vitest';
import { checkEnvelope, jobOf } from '../../src/api/job-request.ts';
import { Service } from './service.ts';

const DEFAULTS = { retry: 3, reserveFor: 1_800 };

describe('POST /jobs', () => {
  it('pushes the job of the envelope, and answers its jid and queue', async () => {
    await using service = await Service.start();
    const job = {
      jobtype: 'add',
      args: [1, 'two'],
      queue: 'sums',
      retry: 7,
      reserveFor: 90,
      custom: { trace: 'abc' },
      jid: 'order-4711',
    };
    const response = await service.post('/jobs', JSON.stringify(job));
    expect(response.statusCode).toBe(202);
    expect(response.json()).toEqual({ jid: 'order-4711', queue: 'sums' });
    const stored = JSON.parse(await service.client.send(['FETCH', 'sums']));
    expect(stored).toMatchObject({
      jid: 'order-4711',
      jobtype: 'add',
      args: [1, 'two'],
      queue: 'sums',
      retry: 7,
      reserve_for: 90,
      custom: { trace: 'abc' },
    });
  });

  it('fills in what is not said', async () => {
    await using service = await Service.start();
    const response = await service.post('/jobs', '{"jobtype":"add"}');
    expect(response.json()).toEqual({ jid: expect.stringMatching(/^[A-Za-z0-9_-]{16}$/), queue: 'default' });
    expect(await service.fetch()).toMatchObject({ args: [], retry: 3, reserve_for: 1_800 });
  });

  it('schedules by at and by delayMs', async () => {
    await using service = await Service.start();
    const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
    await service.post('/jobs', JSON.stringify({ jobtype: 'add', at: inAnHour }));
    await service.post('/jobs', JSON.stringify({ jobtype: 'add', delayMs: 3_600_000 }));
    expect(service.faktory.counts()).toMatchObject({ scheduled: 2, queues: {} });
  });

  it.each([
    ['no body', '', 'body', 'is missing: send an object with a jobtype'],
    ['an array', '[]', 'body', 'is an array: send an object with a jobtype'],
    ['null', 'null', 'body', 'is null'],
    ['text', '"add"', 'body', 'is a string'],
    ['no jobtype', '{}', 'jobtype', 'is missing'],
    ['an empty jobtype', '{"jobtype":""}', 'jobtype', 'takes 1 to 256 characters'],
    ['a jobtype with a line end', '{"jobtype":"a\\n"}', 'jobtype', 'none of them a control character'],
    ['args that are text', '{"jobtype":"a","args":"1"}', 'args', 'takes an array'],
    [
      'a queue that Faktory does not take',
      '{"jobtype":"a","queue":"a b"}',
      'queue',
      'takes 1 to 128 of a-z A-Z 0-9 . _ -',
    ],
    [
      'a retry that is no number',
      '{"jobtype":"a","retry":"3"}',
      'retry',
      'takes a whole number from -1 to 1000',
    ],
    ['a reservation too short', '{"jobtype":"a","reserveFor":59}', 'reserveFor', 'from 60 to 86400'],
    ['a negative delay', '{"jobtype":"a","delayMs":-1}', 'delayMs', 'takes a whole number'],
    ['a short jid', '{"jobtype":"a","jid":"abc"}', 'jid', 'takes 8 to 128 of'],
    ['a field of the wire', '{"jobtype":"a","reserve_for":60}', 'reserve_for', 'is not a field of a job'],
    ['at and delayMs', '{"jobtype":"a","at":"2030-01-01T00:00:00Z","delayMs":1}', 'delayMs', 'say one of'],
  ])('answers 400 with the path: %s', async (_, body, path, message) => {
    await using service = await Service.start();
    const response = await service.post('/jobs', body);
    expect(response.statusCode).toBe(400);
    const { error } = response.json();
    expect(error.code).toBe('JOB_INVALID');
    expect(error.faults).toContainEqual({ path, message: expect.stringContaining(message) });
    expect(service.faktory.counts().enqueued).toBe(0);
  });

  it.each([
    ['a reserved queue', '{"jobtype":"a","queue":"retries"}', 'queue', 'is "retries"'],
    ["a queue of the workers' own", '{"jobtype":"a","queue":"millrace-wake.07"}', 'queue', 'is'],
    ['a time without a zone', '{"jobtype":"a","at":"2030-01-01T00:00:00"}', 'at', 'is'],
    ['a day that is none', '{"jobtype":"a","at":"2030-02-30T00:00:00Z"}', 'at', 'is'],
    ["a jid like a copy's", '{"jobtype":"a","jid":"abcdefgh.1-00ff"}', 'jid', 'is "abcdefgh.1-00ff"'],
  ])('answers 400 by the rules of Faktory: %s', async (_, body, path, message) => {
    await using service = await Service.start();
    const response = await service.post('/jobs', body);
    expect(response.statusCode).toBe(400);
    const { error } = response.json();
    expect(error.message).toContain(`${path} ${message}`);
    expect(error.faults).toEqual([{ path, message: expect.stringContaining(message) }]);
    expect(service.faktory.counts().enqueued).toBe(0);
  });

  it('does not look through a hundred thousand fields', async () => {
    const body = Object.fromEntries(Array.from({ length: 60_000 }, (_, n) => [`x${n}`, 0]));
    expect(() => checkEnvelope(body)).toThrow('body has over 100 fields');
  });

  it.each([
    ['[1]', 'the job is not valid: body is an array: send an object with a jobtype'],
    ['{"jobtype":"a","retry":1e300}', 'the job is not valid: retry takes a whole number from -1 to 1000'],
  ])('tells each fault once: %s', async (body, message) => {
    await using service = await Service.start();
    expect((await service.post('/jobs', body)).json().error.message).toBe(message);
  });

  it.each([
    ['oops', 'the body is not JSON: "o" is not expected where it stands'],
    ['{"a": oops}', 'the body is not JSON: "o" is not expected where it stands'],
    ['{a: 1}', 'the body is not JSON: at character 2'],
    ['{"a": 1', 'the body is not JSON: at character 8'],
    ['[', 'the body is not JSON: it ends too early'],
  ])('says where the JSON is broken: %s', async (body, message) => {
    await using service = await Service.start();
    expect((await service.post('/jobs', body)).json().error).toEqual({ code: 'BODY_INVALID', message });
  });

  it('tells no more than twenty faults', async () => {
    await using service = await Service.start();
    const body = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`x${i}`, 1]));
    const response = await service.post('/jobs', JSON.stringify(body));
    expect(response.json().error.faults).toHaveLength(20);
  });
});

describe('jobOf', () => {
  it('counts delayMs from now', () => {
    expect(jobOf({ jobtype: 'a', delayMs: 1_500 }, DEFAULTS, 1_000).at).toEqual(new Date(2_500));
  });

  it('takes an object as the one argument', () => {
    expect(jobOf(checkEnvelope({ jobtype: 'a', args: { x: 1 } }), DEFAULTS).args).toEqual([{ x: 1 }]);
  });
});
