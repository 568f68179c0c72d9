import { describe, expect, it } from 'vitest';
import { QueueList } from '../../src/api/queue-list.ts';
import type { Intercept } from '../../src/embedded/index.ts';
import { MillraceError } from '../../src/errors.ts';
import { until } from '../helpers/until.ts';
import { Service, type ServiceOptions } from './service.ts';

/** With a job in each of these queues. */
async function withQueues(queues: readonly string[], options: ServiceOptions = {}): Promise<Service> {
  const service = await Service.start(options);
  for (const queue of queues) await service.client.push({ jobtype: 'add', args: [], queue });
  return service;
}

/** Keeps the lines that Faktory gets. */
function spy(): { lines: string[]; intercept: Intercept } {
  const lines: string[] = [];
  return {
    lines,
    intercept: (line) => {
      lines.push(line.trimEnd());
      return undefined;
    },
  };
}

describe('GET /queues', () => {
  it('tells sizes, latencies and sets, and when Faktory was asked; wake queues are left out', async () => {
    await using service = await withQueues(['mail', 'mail', 'default']);
    // As a worker does: a client's push may not.
    const token = { jid: 'token-01', jobtype: 'millrace-wake', queue: 'millrace-wake.1', args: [] };
    await service.client.send(['PUSHB', JSON.stringify([token])]);
    const response = await service.get('/queues');
    expect(response.statusCode).toBe(200);
    expect(response.headers['content-type']).toBe('application/json; charset=utf-8');
    const { asOf, queues, sets } = response.json();
    expect(Math.abs(Date.now() - Date.parse(asOf))).toBeLessThan(10_000);
    expect(queues).toEqual({
      default: { size: 1, latencySeconds: expect.any(Number), paused: null },
      mail: { size: 2, latencySeconds: expect.any(Number), paused: null },
    });
    expect(sets).toEqual({ scheduled: 0, working: 0, retries: 0, dead: 0 });
  });

  it('asks Faktory once, however often it is asked', async () => {
    const { lines, intercept } = spy();
    await using service = await withQueues(['default'], { faktory: { intercept } });
    const first = await service.get('/queues');
    await service.client.push({ jobtype: 'add', args: [] });
    const all = await Promise.all(Array.from({ length: 20 }, () => service.get('/queues')));
    expect(new Set(all.map(({ body }) => body))).toEqual(new Set([first.body]));
    expect(lines.filter((line) => line === 'INFO')).toHaveLength(1);
  });

  it('shows the queues that API_QUEUES allows, and no others', async () => {
    await using service = await withQueues(['mail.a', 'mail.b', 'bills'], {
      api: { allowed: { queues: ['mail.*'] } },
    });
    expect(Object.keys((await service.get('/queues')).json().queues)).toEqual(['mail.a', 'mail.b']);
  });

  it('is behind the token', async () => {
    await using service = await Service.start({ api: { token: 'a-token' } });
    expect((await service.get('/queues')).statusCode).toBe(401);
    expect((await service.get('/queues', { authorization: 'Bearer a-token' })).statusCode).toBe(200);
  });

  it('answers 503 while Faktory is away', async () => {
    await using service = await Service.start();
    await service.faktory.stop();
    await until(() => !service.client.connected);
    const response = await service.get('/queues');
    expect(response.statusCode).toBe(503);
    expect(response.json().error.message).toBe('Faktory cannot be reached: try again');
  });
});

describe('POST /queues/:name/pause', () => {
  it('does not look at a body', async () => {
    await using service = await withQueues(['mail']);
    for (const [body, headers] of [
      ['no JSON', {}],
      ['{"__proto__":1}', { 'content-type': 'application/json' }],
      ['x', { 'content-encoding': 'gzip' }],
    ] as const)
      expect((await service.post('/queues/mail/pause', body, headers)).statusCode).toBe(200);
    expect((await service.post('/queues/mail/pause', 'x'.repeat(2 << 20))).statusCode).toBe(413);
  });

  it('pauses the queue until it is resumed, and tells so', async () => {
    await using service = await withQueues(['mail', 'default']);
    const paused = await service.post('/queues/mail/pause');
    expect([paused.statusCode, paused.json()]).toEqual([200, { queue: 'mail', paused: true }]);
    expect(JSON.parse(await service.client.send(['FETCH', 'mail', 'default']))).toMatchObject({
      queue: 'default',
    });
    expect((await service.get('/queues')).json().queues).toMatchObject({
      mail: { paused: true },
      default: { paused: null },
    });
    const resumed = await service.post('/queues/mail/resume');
    expect([resumed.statusCode, resumed.json()]).toEqual([200, { queue: 'mail', paused: false }]);
    expect((await service.get('/queues')).json().queues.mail.paused).toBe(false);
    expect(JSON.parse(await service.client.send(['FETCH', 'mail']))).toMatchObject({ queue: 'mail' });
  });

  it('sends nothing for a queue that Faktory has not, and says so', async () => {
    const { lines, intercept } = spy();
    await using service = await withQueues(['mail'], { faktory: { intercept } });
    const response = await service.post('/queues/mial/pause');
    expect(response.statusCode).toBe(404);
    expect(response.json().error).toMatchObject({
      code: 'QUEUE_UNKNOWN',
      message: expect.stringMatching(/no queue "mial".* made by its first job.* try again in \d+ s$/),
    });
    expect(Number(response.headers['retry-after'])).toBeGreaterThan(0);
    expect(lines.filter((line) => line.startsWith('QUEUE PAUSE'))).toEqual([]);
  });

  it.each([
    ['*', 'QUEUE_INVALID'],
    ['%20', 'QUEUE_INVALID'],
    ['a%20b', 'QUEUE_INVALID'],
    ['a%0D%0AFLUSH', 'QUEUE_INVALID'],
    ['retries', 'QUEUE_INVALID'],
    ['millrace-wake.3', 'QUEUE_INVALID'],
    ['', 'QUEUE_INVALID'],
  ])('never sends the name %j', async (name, code) => {
    const { lines, intercept } = spy();
    await using service = await withQueues(['mail'], { faktory: { intercept } });
    for (const verb of ['pause', 'resume']) {
      const response = await service.post(`/queues/${name}/${verb}`);
      expect([response.statusCode, response.json().error.code]).toEqual([400, code]);
    }
    expect(lines.filter((line) => line.startsWith('QUEUE'))).toEqual([]);
  });

  it('is held to API_QUEUES', async () => {
    await using service = await withQueues(['mail', 'bills'], { api: { allowed: { queues: ['mail'] } } });
    const refused = await service.post('/queues/bills/pause');
    expect([refused.statusCode, refused.json().error.code]).toEqual([403, 'JOB_FORBIDDEN']);
    expect((await service.post('/queues/mail/pause')).statusCode).toBe(200);
  });

  it('does not know what holds when Faktory did not answer', async () => {
    let isSwallowed = false;
    const intercept: Intercept = (line) => {
      if (!line.startsWith('QUEUE RESUME')) return undefined;
      isSwallowed = true;
      return '';
    };
    await using service = await withQueues(['mail'], { faktory: { intercept } });
    await service.post('/queues/mail/pause');
    const resumed = service.post('/queues/mail/resume');
    await until(() => isSwallowed);
    service.faktory.faults.cut();
    const response = await resumed;
    expect([response.statusCode, response.json().error.code]).toEqual([504, 'COMMAND_UNFINISHED']);
    expect((await service.get('/queues')).json().queues.mail.paused).toBe(null);
  });

  it('pauses while INFO fails, and says that it does not know', async () => {
    const intercept: Intercept = (line) => (line.startsWith('INFO') ? '-ERR no\r\n' : undefined);
    await using service = await withQueues(['mail'], { faktory: { intercept } });
    const response = await service.post('/queues/mail/pause');
    expect([response.statusCode, response.json()]).toEqual([200, { queue: 'mail', paused: null }]);
  });
});

describe('the list', () => {
  const sets = { scheduled: 0, working: 0, retries: 0, dead: 0 };
  const report = (askedAt: number, names: readonly string[]) => ({
    askedAt,
    queues: Object.fromEntries(names.map((name) => [name, { size: 1, latencySeconds: undefined }])),
    sets,
  });

  it('forgets a pause whose queue is gone, and keeps one that is newer than what it was told', async () => {
    const now = performance.now();
    // Old, so that it is asked anew each time.
    const reports = [
      report(now - 30_000, ['a', 'b']),
      report(now - 20_000, ['b']),
      report(now + 60_000, ['a']),
    ];
    const list = new QueueList({ client: { queueReport: async () => reports.shift()! }, allowed: {} });
    const pausedOf = async () => JSON.parse(await list.text()).queues;
    await list.text();
    list.notePaused('a', true);
    list.notePaused('b', true);
    expect(await pausedOf()).toMatchObject({ b: { paused: true } });
    expect(await pausedOf()).toMatchObject({ a: { paused: true } });
    reports.push(report(now + 70_000, ['a', 'b']));
    expect(JSON.parse(await list.text()).queues).not.toHaveProperty('b');
  });

  it('knows no pause where other processes may have changed it', async () => {
    const client = { queueReport: async () => report(performance.now(), ['a']) };
    for (const [isOneOfMany, paused] of [
      [true, null],
      [false, true],
    ] as const) {
      const list = new QueueList({ client, allowed: {}, isOneOfMany });
      list.notePaused('a', true);
      expect(JSON.parse(await list.text()).queues.a.paused).toBe(paused);
    }
  });

  it('has a queue of any name', async () => {
    const client = { queueReport: async () => report(performance.now(), ['__proto__', 'constructor']) };
    const list = new QueueList({ client, allowed: {} });
    expect(Object.keys(JSON.parse(await list.text()).queues)).toEqual(['__proto__', 'constructor']);
  });

  it('is not told again what was not known', async () => {
    let asked = 0;
    const queueReport = async () => {
      asked += 1;
      if (asked === 1) throw new MillraceError('FAKTORY_UNREACHABLE');
      return report(performance.now(), ['a']);
    };
    const list = new QueueList({ client: { queueReport }, allowed: {} });
    await expect(list.text()).rejects.toThrow(MillraceError);
    expect(JSON.parse(await list.text()).queues).toHaveProperty('a');
    await list.text();
    expect(asked).toBe(2);
  });
});
