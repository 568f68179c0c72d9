import { describe, expect, it } from 'vitest';
import { Api } from '../../src/api/app.ts';
import type { EmbeddedFaktory } from '../../src/embedded/index.ts';
import { type ErrorCode, MillraceError } from '../../src/errors.ts';
import { type Coordinators, memoryCoordinators } from '../../src/partitions/open.ts';
import { partitionOf } from '../../src/partitions/partition-hash.ts';
import { stampOf } from '../../src/partitions/stamp.ts';
import type { JobPayload } from '../../src/protocol/job.ts';
import { Service, type ServiceOptions } from './service.ts';

const COUNT = 4;
const KEY = '+5511999990000';
const QUEUE = `default.${partitionOf(KEY, COUNT)}`;
const JSON_TYPE = { 'content-type': 'application/json' };

/** Its API splits queues; `coordinators` keeps their numbers. */
async function splitting(options: ServiceOptions = {}): Promise<Service & { coordinators: Coordinators }> {
  const coordinators = memoryCoordinators({ count: COUNT });
  const partitions = { count: COUNT, coordinators };
  const service = await Service.start({ ...options, client: { partitions, ...options.client } });
  return Object.assign(service, { coordinators });
}

function refusing(coordinators: Coordinators, code: ErrorCode): void {
  coordinators.of('default').numbers = async () => {
    throw new MillraceError(code, 'told to the log only');
  };
}

/** What waits in queues: its queue, its first arg and its number, in the order of the numbers. */
function waiting(faktory: EmbeddedFaktory): [string, unknown, number | undefined][] {
  const jobs = [...faktory.jobs()].map(({ job }) => JSON.parse(job.text) as JobPayload);
  const rows = jobs.map(({ queue, args, custom }): [string, unknown, number | undefined] => [
    queue,
    args[0],
    stampOf(custom)?.number,
  ]);
  return rows.sort((a, b) => (a[2] ?? 0) - (b[2] ?? 0));
}

describe('a partition key over HTTP', () => {
  it('is a header beside the arguments, and a field of the envelope', async () => {
    await using service = await splitting();
    const headed = await service.post('/jobs/add', '{"a":1}', { ...JSON_TYPE, 'partition-key': KEY });
    expect([headed.statusCode, headed.json().queue]).toEqual([202, 'default']);
    const body = JSON.stringify({ jobtype: 'add', args: ['second'], partitionKey: KEY });
    expect((await service.post('/jobs', body)).statusCode).toBe(202);
    const both = await service.post('/jobs', body, { ...JSON_TYPE, 'partition-key': KEY });
    expect(both.statusCode).toBe(202);
    await service.post('/jobs/add', '{"a":2}');
    expect(waiting(service.faktory)).toEqual([
      ['default', { a: 2 }, undefined],
      [QUEUE, { a: 1 }, 1],
      [QUEUE, 'second', 2],
      [QUEUE, 'second', 3],
    ]);
  });

  it('is refused where it is none, or two', async () => {
    await using service = await splitting();
    const post = async (key: string, field?: string) => {
      const body = { jobtype: 'add', ...(field === undefined ? {} : { partitionKey: field }) };
      const answer = await service.post('/jobs', JSON.stringify(body), {
        ...JSON_TYPE,
        'partition-key': key,
      });
      return [answer.statusCode, answer.json().error?.code];
    };
    const refused = [400, 'PARTITION_KEY_INVALID'];
    expect(await post('')).toEqual(refused);
    expect(await post('x'.repeat(513))).toEqual(refused);
    expect(await post('schl\u00fcssel')).toEqual(refused);
    expect(await post('k', 'other')).toEqual(refused);
    expect(await post('x'.repeat(512))).toEqual([202, undefined]);
    for (const partitionKey of ['', 'x'.repeat(513), 5]) {
      const answer = await service.post('/jobs', JSON.stringify({ jobtype: 'add', partitionKey }));
      expect([answer.statusCode, answer.json().error.code]).toEqual([400, 'JOB_INVALID']);
    }
  });

  it('is refused, naming PARTITIONS, where no queue is split', async () => {
    await using service = await Service.start({ client: { partitions: { count: 0 } } });
    const answer = await service.post('/jobs/add', '{}', { 'partition-key': KEY });
    expect([answer.statusCode, answer.json().error]).toEqual([
      400,
      { code: 'JOB_INVALID', message: expect.stringContaining('PARTITIONS is 0') },
    ]);
    expect(waiting(service.faktory)).toEqual([]);
  });

  it.each([
    ['REDIS_UNAVAILABLE', '1'],
    ['PARTITION_NUMBERS_LOST', '15'],
    ['PARTITION_LAYOUT', '30'],
  ] as const)('%s is 503, to be tried again after %s s; jobs without a key go on', async (code, after) => {
    await using service = await splitting();
    refusing(service.coordinators, code);
    const answer = await service.post('/jobs/add', '{}', { 'partition-key': KEY });
    expect([answer.statusCode, answer.headers['retry-after'], answer.json().error.code]).toEqual([
      503,
      after,
      code,
    ]);
    expect(answer.body).not.toContain('log only');
    expect(await service.metric('millrace_api_jobs_total{outcome="unreachable"}')).toBe(1);
    expect((await service.post('/jobs/add', '{}')).statusCode).toBe(202);
  });

  it('is allowed by the name of the queue that is split', async () => {
    await using service = await splitting({ api: { allowed: { queues: ['default'], jobtypes: undefined } } });
    const headers = { ...JSON_TYPE, 'partition-key': KEY };
    expect((await service.post('/jobs/add', '{}', headers)).statusCode).toBe(202);
    const direct = await service.post('/jobs', JSON.stringify({ jobtype: 'add', queue: QUEUE }));
    expect(direct.statusCode).toBe(403);
  });
});

describe('a partition key in a bulk', () => {
  const line = (arg: number, partitionKey?: string) =>
    JSON.stringify({ jobtype: 'add', args: [arg], ...(partitionKey === undefined ? {} : { partitionKey }) });

  it('is a field of the line; numbers rise in the order of the lines', async () => {
    await using service = await splitting();
    const lines = [line(1, KEY), line(2), line(3, KEY), line(4, KEY)].join('\n');
    const answer = await service.post('/jobs/bulk', lines);
    expect(answer.body).toContain('{"stored":4,"failed":0}');
    expect(waiting(service.faktory)).toEqual([
      ['default', 2, undefined],
      [QUEUE, 1, 1],
      [QUEUE, 3, 2],
      [QUEUE, 4, 3],
    ]);
  });

  it('fails by itself where the numbers of its partition are lost, and stops the bulk without Redis', async () => {
    await using service = await splitting();
    refusing(service.coordinators, 'PARTITION_NUMBERS_LOST');
    const lines = [line(1, KEY), line(2)].join('\n');
    const lost = await service.post('/jobs/bulk', lines);
    expect(lost.body).toContain('{"stored":1,"failed":1}');
    refusing(service.coordinators, 'REDIS_UNAVAILABLE');
    const stopped = await service.post('/jobs/bulk', lines);
    expect(stopped.body).toContain('"error":{"code":"REDIS_UNAVAILABLE"');
  });

  it('is no header', async () => {
    await using service = await splitting();
    const answer = await service.post('/jobs/bulk', line(1), { 'partition-key': KEY });
    expect([answer.statusCode, answer.json().error]).toEqual([
      400,
      { code: 'REQUEST_INVALID', message: expect.stringContaining('partitionKey') },
    ]);
  });
});

describe('a partition key with an Idempotency-Key', () => {
  const headers = { ...JSON_TYPE, 'partition-key': KEY, 'idempotency-key': 'once' };

  it('takes one number, however often it is repeated', async () => {
    await using service = await splitting();
    const first = await service.post('/jobs/add', '[1]', headers);
    const again = await service.post('/jobs/add', '[1]', headers);
    expect([again.statusCode, again.json(), again.headers['idempotency-replayed']]).toEqual([
      202,
      first.json(),
      'true',
    ]);
    await service.post('/jobs/add', '[2]', { ...headers, 'idempotency-key': 'next' });
    expect(waiting(service.faktory)).toEqual([
      [QUEUE, 1, 1],
      [QUEUE, 2, 2],
    ]);
  });

  it('is part of what a repeat must say again', async () => {
    await using service = await splitting();
    await service.post('/jobs/add', '[1]', headers);
    const other = await service.post('/jobs/add', '[1]', { ...headers, 'partition-key': 'other' });
    expect([other.statusCode, other.json().error.code]).toEqual([422, 'IDEMPOTENCY_MISMATCH']);
  });

  it('may be used again after its push certainly failed', async () => {
    await using service = await splitting();
    const coordinator = service.coordinators.of('default');
    const { numbers } = Object.getPrototypeOf(coordinator) as typeof coordinator;
    refusing(service.coordinators, 'REDIS_UNAVAILABLE');
    expect((await service.post('/jobs/add', '[1]', headers)).statusCode).toBe(503);
    coordinator.numbers = numbers;
    expect((await service.post('/jobs/add', '[1]', headers)).statusCode).toBe(202);
    expect(waiting(service.faktory)).toEqual([[QUEUE, 1, 1]]);
  });
});

describe('/openapi.json', () => {
  it('knows the field and the header', async () => {
    const api = new Api({ token: undefined, logger: false, idempotency: { redisUrl: undefined } });
    const { paths, components } = (await api.app.inject({ method: 'GET', url: '/openapi.json' })).json() as {
      paths: Record<string, { post: { parameters: { name: string; in: string }[] } }>;
      components: { schemas: { Job: { properties: Record<string, object> } } };
    };
    expect(components.schemas.Job.properties.partitionKey).toMatchObject({ type: 'string', maxLength: 512 });
    for (const path of ['/jobs', '/jobs/{jobtype}'])
      expect(paths[path]!.post.parameters).toContainEqual(
        expect.objectContaining({ name: 'Partition-Key', in: 'header' }),
      );
    await api.close();
  });
});
