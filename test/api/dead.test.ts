import { describe, expect, it } from 'vitest';
import { DEAD_FILTER } from '../../src/api/dead-filter.ts';
import type { Intercept } from '../../src/embedded/index.ts';
import { until } from '../helpers/until.ts';
import { Service, type ServiceOptions } from './service.ts';

/** With jobs in Dead: `add` of the jids a-jid-…, then `mail` of the jids m-jid-…, two of each. */
async function withDead(options: ServiceOptions = {}): Promise<Service> {
  const service = await Service.start(options);
  for (const [jobtype, jid] of [
    ['add', 'a-jid-01'],
    ['add', 'a-jid-02'],
    ['mail', 'm-jid-01'],
    ['mail', 'm-jid-02'],
  ] as const) {
    await service.client.push({ jobtype, jid, args: [{ tenant: jid.endsWith('1') ? 7 : 70 }], retry: -1 });
    await service.fetch();
    await service.client.send(['FAIL', JSON.stringify({ jid, errtype: 'E', message: 'no', backtrace: [] })]);
  }
  expect(service.faktory.counts().dead).toBe(4);
  return service;
}

const NONE = { queues: undefined, jobtypes: undefined };

describe('POST /dead/requeue and /dead/discard', () => {
  it.each([
    ['a jobtype', { jobtype: 'add' }, 2],
    ['jids', { jids: ['a-jid-01', 'm-jid-02', 'unknown-jid'] }, 2],
    ['a glob', { match: '*"tenant":7[,}]*' }, 2],
    ['both', { match: '*"tenant":7[,}]*', jobtype: 'mail' }, 1],
    ['all', { all: true }, 4],
    ['a jobtype that there is not', { jobtype: 'ad' }, 0],
  ])('acts on %s', async (_, filter, matching) => {
    await using service = await withDead();
    const requeued = await service.post('/dead/requeue', JSON.stringify(filter));
    expect([requeued.statusCode, requeued.json()]).toEqual([
      200,
      {
        sent: 1,
        before: { dead: 4, asOf: expect.any(String) },
        newsInSeconds: expect.any(Number),
      },
    ]);
    expect(service.faktory.counts()).toMatchObject({ dead: 4 - matching, enqueued: matching });
    const discarded = await service.post('/dead/discard', JSON.stringify({ all: true }));
    expect(discarded.statusCode).toBe(200);
    expect(service.faktory.counts()).toMatchObject({ dead: 0, enqueued: matching });
  });

  it('sends ten jids at a time, one command after another', async () => {
    const lines: string[] = [];
    const intercept: Intercept = (line) => {
      if (line.startsWith('MUTATE')) lines.push(line.trimEnd());
      return undefined;
    };
    await using service = await Service.start({ faktory: { intercept } });
    const jids = Array.from({ length: 23 }, (_, i) => `some-jid-${i}`);
    expect((await service.post('/dead/discard', JSON.stringify({ jids }))).json().sent).toBe(3);
    expect(lines.map((line) => JSON.parse(line.slice(7)).filter.jids.length)).toEqual([10, 10, 3]);
  });

  it.each([
    ['nothing', undefined, /^the body is empty, it takes an object with jids, jobtype, match, all$/],
    ['an empty object', '{}', /^the body says nothing/],
    ['an array', '["a-jid-01"]', /^the body must be object/],
    ['another field', '{"jid":"a-jid-01"}', /^"jid" is not known here: the body takes jids,/],
    ['no jids', '{"jids":[]}', /^jids must NOT have fewer than 1 items/],
    ['a jid that is no string', '{"jids":[1]}', /^jids\.0 must be string/],
    ['an empty jobtype', '{"jobtype":""}', /^jobtype must NOT have fewer/],
    ['all: false', '{"all":false}', /^all must be equal to constant/],
    ['all and more', '{"all":true,"jobtype":"add"}', /^"all": true goes alone/],
    ['jids and more', '{"jids":["a-jid-01"],"jobtype":"add"}', /^"jids" goes alone/],
    ['a glob of everything', '{"match":"*"}', /^"match" is "\*", which is every job/],
    ['a glob of nothing', '{"match":"tenant"}', /did you mean '\*tenant\*'\?$/],
    ['a jobtype beside a glob that Go quotes otherwise', '{"match":"*x*","jobtype":"a<b"}', /cannot compare/],
  ])('refuses %s', async (_, body, message) => {
    await using service = await withDead();
    const response = await service.post('/dead/discard', body);
    expect([response.statusCode, response.json().error.code]).toEqual([400, 'FILTER_INVALID']);
    expect(response.json().error.message).toMatch(message);
    expect(service.faktory.counts().dead).toBe(4);
  });

  it.each([
    ['API_QUEUES', { ...NONE, queues: ['*'] }, { jobtype: 'add' }, /API_QUEUES is set/],
    ['API_JOBTYPES', { ...NONE, jobtypes: ['add'] }, { all: true }, /name a "jobtype"/],
    ['API_JOBTYPES', { ...NONE, jobtypes: ['add'] }, { match: '*x*' }, /name a "jobtype"/],
    ['API_JOBTYPES', { ...NONE, jobtypes: ['add'] }, { jids: ['a-jid-01'] }, /name a "jobtype"/],
    ['API_JOBTYPES', { ...NONE, jobtypes: ['add'] }, { jobtype: 'mail' }, /not one that API_JOBTYPES allows/],
  ])('may not go beyond %s: %j, %j', async (_, allowed, filter, message) => {
    await using service = await withDead({ api: { allowed } });
    const response = await service.post('/dead/discard', JSON.stringify(filter));
    expect([response.statusCode, response.json().error.code]).toEqual([403, 'JOB_FORBIDDEN']);
    expect(response.json().error.message).toMatch(message);
    expect(service.faktory.counts().dead).toBe(4);
  });

  it('may act on a jobtype that API_JOBTYPES allows', async () => {
    await using service = await withDead({ api: { allowed: { jobtypes: ['a*'] } } });
    const body = '{"jobtype":"add","match":"*\\"tenant\\":7[,}]*"}';
    expect((await service.post('/dead/discard', body)).statusCode).toBe(200);
    expect(service.faktory.counts().dead).toBe(3);
  });

  it('refuses a second one while the first is on its way', async () => {
    let isHeld = false;
    const intercept: Intercept = (line) => {
      if (!line.startsWith('MUTATE') || isHeld) return undefined;
      isHeld = true;
      return '';
    };
    await using service = await withDead({ faktory: { intercept } });
    const first = service.post('/dead/requeue', '{"all":true}');
    await until(() => isHeld);
    const second = await service.post('/dead/discard', '{"all":true}');
    expect([second.statusCode, second.json().error.code]).toEqual([409, 'MUTATION_RUNNING']);
    expect(second.headers['retry-after']).toBe('1');
    // Pushes do not wait behind it, either.
    expect((await service.post('/jobs/add')).statusCode).toBe(202);
    service.faktory.faults.cut();
    expect((await first).json().error.code).toBe('COMMAND_UNFINISHED');
    await until(async () => (await service.post('/dead/discard', '{"all":true}')).statusCode === 200);
    expect(service.faktory.counts().dead).toBe(0);
  });

  it.each([
    [
      'context deadline exceeded',
      504,
      'COMMAND_UNFINISHED',
      /^the 5 s that Faktory gives a command were over/,
    ],
    ['shutdown in progress', 503, 'FAKTORY_UNREACHABLE', /nothing was done/],
    ['cannot get "a b" queue: queue names must match x', 502, 'COMMAND_REFUSED', /a queue that cannot be/],
    ['WRONGTYPE 10.0.0.1', 502, 'COMMAND_REFUSED', /^Faktory answered with an error: its log may say why$/],
  ])('tells what Faktory says: %s', async (text, status, code, message) => {
    const intercept: Intercept = (line) => (line.startsWith('MUTATE') ? `-ERR ${text}\r\n` : undefined);
    await using service = await Service.start({ faktory: { intercept } });
    const response = await service.post('/dead/requeue', '{"all":true}');
    expect([response.statusCode, response.json().error.code]).toEqual([status, code]);
    expect(response.json().error.message).toMatch(message);
    expect(response.body).not.toContain('10.0.0.1');
  });

  it('tells after how many jids it stopped', async () => {
    let count = 0;
    const intercept: Intercept = (line) => {
      if (!line.startsWith('MUTATE')) return undefined;
      count += 1;
      return count === 2 ? '-ERR context deadline exceeded\r\n' : undefined;
    };
    await using service = await Service.start({ faktory: { intercept } });
    const jids = Array.from({ length: 25 }, (_, i) => `some-jid-${i}`);
    const response = await service.post('/dead/requeue', JSON.stringify({ jids }));
    expect(response.statusCode).toBe(504);
    expect(response.json().error.message).toMatch(/\(it stopped after the first 10 jids\)$/);
    expect(count).toBe(2);
  });

  it('takes as many jids as its schema says', async () => {
    await using service = await Service.start();
    const { maxItems } = DEAD_FILTER.properties.jids;
    const body = (length: number) =>
      JSON.stringify({ jids: Array.from({ length }, (_, i) => `some-jid-${i}`) });
    expect((await service.post('/dead/discard', body(maxItems))).json().sent).toBe(maxItems / 10);
    expect((await service.post('/dead/discard', body(maxItems + 1))).statusCode).toBe(400);
  });
});
