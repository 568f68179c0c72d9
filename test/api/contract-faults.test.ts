/** Schemas are somebody's programs: they throw what they like, and some never come back. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ClientOptions } from '../../src/client/client.ts';
import { defineJobs } from '../../src/contract/contract.ts';
import { turns } from '../connection/ask.ts';
import { Service } from './service.ts';

const job = (validate: () => unknown) => ({
  args: { '~standard': { version: 1 as const, vendor: 'test', validate: validate as never } },
});
const client: ClientOptions = {
  maxInFlight: 2,
  contract: defineJobs({
    throws: job(() => {
      throw undefined;
    }),
    rejects: job(() => Promise.reject(undefined)),
    rejectsWithNull: job(() => Promise.reject(null)),
    hangs: job(() => new Promise(() => {})),
    good: {},
  }) as never,
};

afterEach(() => {
  vi.useRealTimers();
});

describe('a schema that throws nothing at all', () => {
  it.each(['throws', 'rejects', 'rejectsWithNull'])(
    'is a fault of ours, told and outlived: %s',
    async (jobtype) => {
      await using service = await Service.start({ client });
      const posted = await service.post(`/jobs/${jobtype}`, '{}');
      expect([posted.statusCode, posted.json().error.code]).toEqual([500, 'INTERNAL']);
      const lines = `{"jobtype":"good"}\n{"jobtype":"${jobtype}"}\n{"jobtype":"good"}`;
      const told = (await service.post('/jobs/bulk', lines)).body.trimEnd().split('\n');
      expect(told.map((line) => JSON.parse(line).error?.code)).toEqual([
        undefined,
        'INTERNAL',
        undefined,
        undefined,
      ]);
      expect(JSON.parse(told.at(-1)!)).toEqual({ stored: 2, failed: 1 });
    },
  );

  it('is told to those who push without the API as an error of the package', async () => {
    await using service = await Service.start({ client });
    for (const jobtype of ['throws', 'rejects']) {
      const told = { code: 'INTERNAL', message: expect.stringContaining('could not be checked') };
      await expect(service.client.push({ jobtype, args: [] })).rejects.toMatchObject(told);
      await expect(service.client.enqueue({ jobtype, args: [] })).rejects.toMatchObject(told);
      for await (const outcome of service.client.pushAll([{ jobtype, args: [] }]))
        expect(outcome).toMatchObject({ error: told });
    }
  });
});

describe('a schema that does not come back', () => {
  it('keeps a request waiting for 10 s, and lets no more in than may be in flight', async () => {
    await using service = await Service.start({ client });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const waiting = [service.post('/jobs/hangs', '{}'), service.post('/jobs/hangs', '{}')];
    await turns();
    expect([service.client.hasRoom, service.client.stats().asking]).toEqual([false, 2]);
    expect((await service.post('/jobs/good', '{}')).json().error.code).toBe('PRESSURE');
    vi.advanceTimersByTime(10_000);
    for (const answer of await Promise.all(waiting)) {
      expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '1']);
      expect(answer.json().error.code).toBe('CHECK_TIMEOUT');
    }
    vi.useRealTimers();
    expect((await service.post('/jobs/good', '{}')).statusCode).toBe(202);
    expect(await service.metric('millrace_api_jobs_total{outcome="failed"}')).toBe(2);
  });

  it('does not end a bulk: its other lines are pushed', async () => {
    await using service = await Service.start({ client });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const posted = service.post(
      '/jobs/bulk',
      '{"jobtype":"hangs"}\n{"jobtype":"good"}\n{"jobtype":"good"}\n',
    );
    await turns();
    vi.advanceTimersByTime(10_000);
    vi.useRealTimers();
    const told = (await posted).body.trimEnd().split('\n');
    expect(JSON.parse(told[0]!).error.code).toBe('CHECK_TIMEOUT');
    expect(JSON.parse(told.at(-1)!)).toEqual({ stored: 2, failed: 1 });
  });
});
