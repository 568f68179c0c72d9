import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Load, OwnLoad } from '../../src/api/bulk/load.ts';
import { shareOf } from '../../src/api/bulk/share.ts';
import { Stall } from '../../src/api/bulk/stall.ts';
import { defineJobs } from '../../src/contract/contract.ts';
import { Service } from './service.ts';

interface Told {
  line?: number;
  index?: number;
  jid?: string;
  queue?: string;
  error?: { code: string; message: string; jid?: string; faults?: { path: string; message: string }[] };
}

/** An NDJSON answer: what is told of each line, and the sums. */
function linesOf(body: string): { told: Told[]; sums: Record<string, unknown> } {
  expect(body.endsWith('\n')).toBe(true);
  const all = body
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  return { told: all.slice(0, -1), sums: all.at(-1) };
}

const codesOf = (told: readonly Told[]): (string | undefined)[] => told.map(({ error }) => error?.code);

describe('POST /jobs/bulk of lines', () => {
  it('stores each job, and tells its jid and queue in the order of the lines', async () => {
    await using service = await Service.start();
    const response = await service.post(
      '/jobs/bulk',
      '{"jobtype":"a"}\r\n\n{"jobtype":"b","queue":"q","jid":"my-own-jid","args":{"x":1}}\n{"jobtype":"c"}',
    );
    expect(response.statusCode).toBe(200);
    expect(response.headers['content-type']).toBe('application/x-ndjson; charset=utf-8');
    const { told, sums } = linesOf(response.body);
    expect(told).toEqual([
      { line: 1, jid: expect.any(String), queue: 'default' },
      { line: 3, jid: 'my-own-jid', queue: 'q' },
      { line: 4, jid: expect.any(String), queue: 'default' },
    ]);
    expect(sums).toEqual({ stored: 3, failed: 0 });
    expect(service.faktory.counts().queues).toEqual({ default: 2, q: 1 });
    expect(await service.fetch()).toMatchObject({
      jid: told[0]!.jid,
      jobtype: 'a',
      retry: 3,
      reserve_for: 1800,
    });
  });

  it('tells of each bad line what is wrong, and stores the others', async () => {
    await using service = await Service.start({
      api: { bodyLimit: 200, allowed: { queues: ['default', 'retries'] } },
    });
    const body = Buffer.concat([
      Buffer.from('{"jobtype":"a"}\n{bad\n{"jobtype":1}\n{"jobtype":"a","args":[{"x":1,"x":2}]}\n'),
      Buffer.from('{"jobtype":"a","queue":"other"}\n{"jobtype":"a","queue":"retries"}\n'),
      Buffer.from([0x22, 0xff, 0x22, 0x0a]),
      Buffer.from(`"${'x'.repeat(300)}"\n[]\n{"jobtype":"a","at":"later"}\n{"jobtype":"a"}\n`),
    ]);
    const { told, sums } = linesOf((await service.post('/jobs/bulk', body)).body);
    expect(told.map(({ line }) => line)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(codesOf(told)).toEqual([
      undefined,
      'BODY_INVALID',
      'JOB_INVALID',
      'BODY_INVALID',
      'JOB_FORBIDDEN',
      'JOB_INVALID',
      'BODY_INVALID',
      'BODY_TOO_LARGE',
      'JOB_INVALID',
      'JOB_INVALID',
      undefined,
    ]);
    expect(told[1]!.error!.message).toBe('the line is not JSON: at character 2');
    expect(told[3]!.error!.faults).toMatchObject([{ path: 'body.args[0].x' }]);
    expect(told[7]!.error!.message).toContain('longer than 200 bytes');
    expect(sums).toEqual({ stored: 2, failed: 9 });
    expect(service.faktory.counts().queues).toEqual({ default: 2 });
    expect(await service.metric('millrace_api_jobs_total{outcome="stored"}')).toBe(2);
    expect(await service.metric('millrace_api_jobs_total{outcome="invalid"}')).toBe(9);
    const requests = 'millrace_api_request_duration_seconds_count{route="/jobs/bulk",status="200"}';
    expect(await service.metric(requests)).toBe(1);
  });

  it('tells only those that failed where that is asked for', async () => {
    await using service = await Service.start();
    const { told, sums } = linesOf(
      (await service.post('/jobs/bulk?outcomes=failed', '{"jobtype":"a"}\nx\n{"jobtype":"a"}')).body,
    );
    expect(told).toMatchObject([{ line: 2, error: { code: 'BODY_INVALID' } }]);
    expect(sums).toEqual({ stored: 2, failed: 1 });
    const none = await service.post('/jobs/bulk?outcomes=failed', '{"jobtype":"a"}');
    expect(none.body).toBe('{"stored":1,"failed":0}\n');
  });

  it('takes lines where the content type says so, whatever the first byte is', async () => {
    await using service = await Service.start();
    const { told } = linesOf(
      (await service.post('/jobs/bulk', '[{"jobtype":"a"}]', { 'content-type': 'application/jsonl' })).body,
    );
    expect(codesOf(told)).toEqual(['JOB_INVALID']);
  });

  it('shortens what there is to say of a long fault', async () => {
    const longWinded = z.tuple([z.string().refine(() => false, { message: 'x'.repeat(5_000) })]);
    await using service = await Service.start({
      client: { contract: defineJobs({ a: { args: longWinded } }) },
    });
    const { told } = linesOf((await service.post('/jobs/bulk', '{"jobtype":"a","args":["b"]}')).body);
    expect(codesOf(told)).toEqual(['PAYLOAD_INVALID']);
    expect(told[0]!.error!.message).toHaveLength(1_000);
    expect(told[0]!.error!.faults![0]!.message).toHaveLength(1_000);
  });
});

describe('POST /jobs/bulk of an array', () => {
  it('tells of each item by its index', async () => {
    await using service = await Service.start();
    const response = await service.post(
      '/jobs/bulk',
      '\ufeff [{"jobtype":"a"}, 5 ,\n{"jobtype":"b","queue":"q"}]\n',
    );
    expect(response.statusCode).toBe(200);
    expect(response.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(response.json()).toEqual({
      results: [
        { index: 0, jid: expect.any(String), queue: 'default' },
        { index: 1, error: expect.objectContaining({ code: 'JOB_INVALID' }) },
        { index: 2, jid: expect.any(String), queue: 'q' },
      ],
      stored: 2,
      failed: 1,
    });
  });

  it('takes an empty one', async () => {
    await using service = await Service.start();
    const response = await service.post('/jobs/bulk', '[]');
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual({ results: [], stored: 0, failed: 0 });
  });

  it('reads nothing behind an item that is no JSON, and says so', async () => {
    await using service = await Service.start();
    const response = await service.post('/jobs/bulk', '[{"jobtype":"a"},{"jobtype":"b",},{"jobtype":"c"}]');
    expect(response.json()).toEqual({
      results: [
        { index: 0, jid: expect.any(String), queue: 'default' },
        { index: 1, error: { code: 'BODY_INVALID', message: 'the item is not JSON: at character 16' } },
      ],
      stored: 1,
      failed: 1,
      stoppedAt: 2,
      error: { code: 'BODY_INVALID', message: 'the item is not JSON: at character 16' },
    });
    expect(service.faktory.counts().queues).toEqual({ default: 1 });
  });

  it('goes on behind an item that cannot be kept as it is', async () => {
    await using service = await Service.start();
    const response = await service.post('/jobs/bulk', '[{"jobtype":"a","jobtype":"b"},{"jobtype":"c"}]');
    expect(codesOf(response.json().results)).toEqual(['BODY_INVALID', undefined]);
    expect(response.json()).toMatchObject({ stored: 1, failed: 1 });
  });

  it('tells of an array that is cut off what it stored of it', async () => {
    await using service = await Service.start();
    expect((await service.post('/jobs/bulk', '[{"jobtype":"a"},')).json()).toMatchObject({
      results: [{ index: 0, queue: 'default' }],
      stored: 1,
      failed: 0,
      stoppedAt: 1,
      error: { code: 'BODY_INVALID', message: 'the array is not JSON: it ends too early' },
    });
  });

  it('is JSON also where only failures are told', async () => {
    await using service = await Service.start();
    const body = '[{"jobtype":"a"},1,{"jobtype":"b"},2]';
    const { results, ...sums } = (await service.post('/jobs/bulk?outcomes=failed', body)).json();
    expect(results.map(({ index }: Told) => index)).toEqual([1, 3]);
    expect(sums).toEqual({ stored: 2, failed: 2 });
  });
});

describe('POST /jobs/bulk', () => {
  it.each([
    ['nothing', undefined, {}, 400, 'BODY_INVALID'],
    ['blanks only', ' \n\n', {}, 400, 'BODY_INVALID'],
    ['an array that breaks before its first item', '[,', {}, 400, 'BODY_INVALID'],
    ['a compressed body', 'x', { 'content-encoding': 'gzip' }, 415, 'ENCODING_UNSUPPORTED'],
    ['an Idempotency-Key', '{"jobtype":"a"}', { 'idempotency-key': 'a' }, 400, 'REQUEST_INVALID'],
  ])('refuses %s', async (_, body, headers, status, code) => {
    await using service = await Service.start();
    const response = await service.post('/jobs/bulk', body, headers as Record<string, string>);
    expect(response.statusCode).toBe(status);
    expect(response.json().error.code).toBe(code);
    expect(service.faktory.counts().queues).toEqual({});
  });

  it('refuses other outcomes, other methods, and who has no token', async () => {
    await using service = await Service.start({ api: { token: 'sesame' } });
    const auth = { authorization: 'Bearer sesame' };
    expect((await service.post('/jobs/bulk?outcomes=some', 'x', auth)).statusCode).toBe(400);
    expect((await service.get('/jobs/bulk', auth)).statusCode).toBe(405);
    expect((await service.post('/jobs/bulk', '{"jobtype":"a"}')).statusCode).toBe(401);
    expect(service.faktory.counts().queues).toEqual({});
  });

  it('answers 503 when Faktory is away or the API shuts down, and takes nothing', async () => {
    const service = await Service.start();
    await service.faktory.stop();
    await expect.poll(() => service.client.connected).toBe(false);
    const away = await service.post('/jobs/bulk', '{"jobtype":"a"}');
    expect([away.statusCode, away.json().error.code]).toEqual([503, 'FAKTORY_UNREACHABLE']);
    const closing = service.api.close();
    const late = await service.post('/jobs/bulk', '{"jobtype":"a"}');
    expect([late.statusCode, late.json().error.code]).toEqual([503, 'CLOSED']);
    await closing;
    await service[Symbol.asyncDispose]();
  });

  it.each([1, 2, 7])('waits at PUSH_MAX_IN_FLIGHT=%i, and loses nothing', async (maxInFlight) => {
    await using service = await Service.start({ client: { maxInFlight } });
    const count = 500;
    const body = Array.from({ length: count }, (_, n) => `{"jobtype":"a","args":[${n}]}\n`).join('');
    const { told, sums } = linesOf((await service.post('/jobs/bulk', body)).body);
    expect(sums).toEqual({ stored: count, failed: 0 });
    expect(told.map(({ line }) => line)).toEqual(Array.from({ length: count }, (_, n) => n + 1));
    expect(service.faktory.counts().queues).toEqual({ default: count });
  });

  it('keeps the order of the outcomes while schemas are asynchronous, and one after the other fails', async () => {
    const slowFirst = z.tuple([
      z.number().refine(async (n) => {
        for (let turn = 0; turn < 20 - n; turn += 1) await Promise.resolve();
        return n % 5 !== 0;
      }),
    ]);
    await using service = await Service.start({
      client: { contract: defineJobs({ a: { args: slowFirst, queue: 'q' } }) },
    });
    const body = Array.from({ length: 20 }, (_, n) => `{"jobtype":"a","args":[${n}]}`).join('\n');
    const { told, sums } = linesOf((await service.post('/jobs/bulk', `${body}\n{"jobtype":"b"}`)).body);
    expect(told.map(({ line }) => line)).toEqual(Array.from({ length: 21 }, (_, n) => n + 1));
    const failed = told.filter(({ error }) => error !== undefined);
    expect(failed.map(({ line, error }) => [line, error!.code])).toEqual([
      [1, 'PAYLOAD_INVALID'],
      [6, 'PAYLOAD_INVALID'],
      [11, 'PAYLOAD_INVALID'],
      [16, 'PAYLOAD_INVALID'],
      [21, 'JOB_INVALID'],
    ]);
    expect(sums).toEqual({ stored: 16, failed: 5 });
    expect(service.faktory.counts().queues).toEqual({ q: 16 });
  });
});

describe('shareOf', () => {
  const share = (bulks: number, maxInFlight: number) =>
    shareOf({ pushing: bulks, unread: bulks, maxInFlight });

  it('leaves half of what may be in flight to others, and divides the rest', () => {
    expect(share(1, 10_000)).toEqual({ jobs: 4_096, bytes: 16 << 20, answerBytes: 8 << 20 });
    expect(share(5, 10_000).jobs).toBe(1_000);
    expect(share(1, 1_000).jobs).toBe(500);
    expect(share(64, 10_000).answerBytes).toBe(1 << 20);
  });

  it('lets each go on, however many there are', () => {
    expect(share(10_000, 10)).toEqual({ jobs: 1, bytes: 1_677, answerBytes: 64 << 10 });
    expect(share(1, 1).jobs).toBe(1);
  });
});

describe('OwnLoad', () => {
  it('is shared by those whose jobs are on their way, not by those that are idle', () => {
    const all = new Load();
    const [own, idle, busy] = [1, 2, 3].map(() => new OwnLoad(all, 10_000)) as [OwnLoad, OwnLoad, OwnLoad];
    expect(own.share.jobs).toBe(4_096);
    busy.add(10);
    busy.add(10);
    expect([own.share.jobs, idle.share.jobs, busy.share.jobs]).toEqual([2_500, 2_500, 4_096]);
    busy.remove(10);
    expect(own.share.jobs).toBe(2_500);
    busy.remove(10);
    expect(own.share.jobs).toBe(4_096);
  });

  it('shares what may be held of answers among those whose clients have not read all', () => {
    const all = new Load();
    const own = new OwnLoad(all, 10_000);
    const others = Array.from({ length: 15 }, () => new OwnLoad(all, 10_000));
    for (const other of others) other.noteUnread(1);
    expect([own, others[0]!].map(({ share: { answerBytes } }) => answerBytes)).toEqual([
      4 << 20,
      (67_108_864 / 15) | 0,
    ]);
    for (const other of others) other.noteUnread(0);
    expect(own.share.answerBytes).toBe(8 << 20);
    others[0]!.noteUnread(1);
    others[0]!.end();
    others[0]!.noteUnread(1);
    expect(all.unread).toBe(0);
  });

  it('is full when all have taken, together, half of what may be in flight', () => {
    const all = new Load();
    const [own, other] = [new OwnLoad(all, 6), new OwnLoad(all, 6)];
    other.add(1);
    other.add(1);
    expect(own.isFull).toBe(false);
    own.add(1);
    expect(other.isFull).toBe(true);
    other.remove(1);
    expect(own.isFull).toBe(false);
    own.add(16 << 20);
    own.remove(1);
    expect(other.isFull).toBe(true);
  });
});

describe('Stall', () => {
  it('counts looks without progress, while there should be some', () => {
    const stall = new Stall(2);
    const looks = (...numbers: (number | undefined)[]) => numbers.map((number) => stall.look(number));
    expect(looks(0, 0, 0)).toEqual([false, false, true]);
    expect(looks(0, 0)).toEqual([false, true]);
    expect(looks(1, 1, undefined, 1, 1, 1)).toEqual([false, false, false, false, false, true]);
  });
});
