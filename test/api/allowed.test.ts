import { describe, expect, it } from 'vitest';
import { Service } from './service.ts';

describe('API_QUEUES and API_JOBTYPES', () => {
  const allowed = { queues: ['mail', 'sum.*'], jobtypes: ['add', 'send-*'] };

  it.each([
    [{ jobtype: 'add', queue: 'mail' }, 202],
    [{ jobtype: 'add', queue: 'sum.big' }, 202],
    [{ jobtype: 'send-', queue: 'sum.' }, 202],
    [{ jobtype: 'add' }, 'queue "default" is not one that API_QUEUES allows'],
    [{ jobtype: 'add', queue: 'sum' }, 'queue "sum" is not one that API_QUEUES allows'],
    [{ jobtype: 'adder', queue: 'mail' }, 'jobtype "adder" is not one that API_JOBTYPES allows'],
    [{ jobtype: 'send', queue: 'mail' }, 'jobtype "send" is not one that API_JOBTYPES allows'],
  ])('%j: %s', async (job, expected) => {
    await using service = await Service.start({ api: { allowed } });
    const response = await service.post('/jobs', JSON.stringify(job));
    if (expected === 202) expect(response.statusCode).toBe(202);
    else {
      expect(response.statusCode).toBe(403);
      expect(response.json()).toEqual({ error: { code: 'JOB_FORBIDDEN', message: expected } });
      expect(service.faktory.counts().enqueued).toBe(0);
    }
  });

  it('hold for the short form too', async () => {
    await using service = await Service.start({ api: { allowed: { jobtypes: ['add'] } } });
    expect((await service.post('/jobs/add')).statusCode).toBe(202);
    expect((await service.post('/jobs/sub')).statusCode).toBe(403);
  });
});
