import { describe, expect, it } from 'vitest';
import { defineJobs } from '../../src/contract/contract.ts';
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

  it('hide which jobtypes the contract has: those that are refused, and all to who names one that it has not', async () => {
    const contract = defineJobs({ add: {}, 'secret-payout': {} }) as never;
    await using service = await Service.start({
      client: { contract },
      api: { allowed: { jobtypes: ['add', 'send-*'] } },
    });
    for (const jobtype of ['secret-payout', 'secret-nothing']) {
      const response = await service.post(`/jobs/${jobtype}`);
      expect([response.statusCode, response.json().error.code]).toEqual([403, 'JOB_FORBIDDEN']);
    }
    const unknown = await service.post('/jobs/send-mail');
    expect([unknown.statusCode, unknown.json()]).toEqual([
      400,
      {
        error: {
          code: 'JOB_INVALID',
          message: 'jobtype "send-mail" is not one of the contract',
          faults: [{ path: 'jobtype', message: 'is not one of the contract' }],
        },
      },
    ]);
  });
});
