import { afterEach, beforeEach, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { createApi } from '../../src/api/index.ts';
import { Client } from '../../src/client/client.ts';
import { defineJobs } from '../../src/contract/contract.ts';
import { type EmbeddedFaktory, startEmbeddedFaktory } from '../../src/embedded/index.ts';
import { Worker } from '../../src/worker/worker.ts';
import { until } from '../helpers/until.ts';

const jobs = defineJobs({
  add: {
    args: z.tuple([z.object({ a: z.number(), b: z.number().default(1) })]),
    queue: 'sums',
    retry: 5,
    reserveFor: 60,
  },
  when: { args: z.tuple([z.iso.datetime().transform((text) => new Date(text))]) },
  known: { args: z.tuple([z.string().refine(async (name) => name !== 'unknown', 'is not known')]) },
});

let faktory: EmbeddedFaktory;
beforeEach(async () => {
  faktory = await startEmbeddedFaktory();
});
afterEach(async () => {
  await faktory.stop();
});

it('types pushes and handlers', () => {
  const client = new Client({ url: faktory.url, contract: jobs, logger: false });
  const worker = new Worker({ url: faktory.url, contract: jobs, logger: false });
  const compileOnly = (): void => {
    client.push('add', { a: 1 });
    // @ts-expect-error: a is missing
    client.push('add', { b: 1 });
    // @ts-expect-error: there is no such job
    client.push('subtract', 1);
    worker.register('when', (at) => expectTypeOf(at).toEqualTypeOf<Date>());
    worker.handle('add', (_ctx, numbers) => expectTypeOf(numbers).toEqualTypeOf<{ a: number; b: number }>());
    // @ts-expect-error: the argument is an object
    worker.register('add', (numbers: string) => numbers);
  };
  expect(compileOnly).toBeTypeOf('function');
});

it('refuses a bad payload before it is sent, whichever way it is pushed', async () => {
  await using client = new Client({ url: faktory.url, contract: jobs, logger: false });
  const bad = { jobtype: 'add', args: [{ a: 'one' }] };
  const refusal = { code: 'PAYLOAD_INVALID', faults: [{ path: 'args[0].a', message: expect.any(String) }] };
  await expect(client.push(bad)).rejects.toMatchObject(refusal);
  await expect(client.enqueue(bad)).rejects.toMatchObject(refusal);
  await expect(client.push('known', 'unknown')).rejects.toThrow('args[0]: is not known');
  await expect(client.push({ jobtype: 'other' })).rejects.toMatchObject({ code: 'JOB_INVALID' });
  const rejected = await client.pushBulk([bad, { jobtype: 'add', args: [{ a: 1 }] }]);
  expect(Object.values(rejected).map(({ reason }) => reason)).toEqual([expect.stringContaining('args[0].a')]);
  expect(faktory.counts().queues).toEqual({ sums: 1 });
});

it('gives the handler what the schema makes of the args, and fails what does not fit', async () => {
  await using client = new Client({ url: faktory.url, contract: jobs, logger: false });
  await using stranger = new Client({ url: faktory.url, logger: false });
  const worker = new Worker({
    url: faktory.url,
    contract: jobs,
    queues: ['sums', 'default'],
    logger: false,
    trapSignals: false,
  });
  const seen: unknown[] = [];
  const failed: unknown[] = [];
  worker.on('fail', ({ error }) => failed.push((error as { code?: string }).code));
  worker.register('add', (numbers) => seen.push(numbers));
  worker.register('when', (at) => seen.push(at.getUTCFullYear()));
  worker.register('known', (name) => seen.push(name));
  await worker.work();
  await client.push('add', { a: 1 });
  await client.push('when', '2030-01-01T00:00:00Z');
  await client.push('known', 'ada');
  await stranger.push({ jobtype: 'add', args: [{ a: 'one' }], retry: -1 });
  await until(() => seen.length === 3 && faktory.counts().dead === 1);
  expect(seen).toEqual(expect.arrayContaining([{ a: 1, b: 1 }, 2030, 'ada']));
  expect(failed).toEqual(['PAYLOAD_INVALID']);
  expect(() => worker.register('other' as 'add', () => {})).toThrow('jobtype "other" is not in the contract');
  await worker.stop();
});

it('answers 400 over HTTP with the path of the fault, and pushes as the contract says', async () => {
  await using client = new Client({ url: faktory.url, contract: jobs, logger: false });
  await using api = createApi({ client, logger: false, token: undefined });
  await client.connect();
  const post = (jobtype: string, body: unknown) =>
    api.app.inject({ method: 'POST', url: `/jobs/${jobtype}`, payload: JSON.stringify(body) });
  const refused = await post('add', { a: 'one' });
  expect(refused.statusCode).toBe(400);
  expect(refused.json().error).toMatchObject({ code: 'PAYLOAD_INVALID', faults: [{ path: 'args[0].a' }] });
  expect((await post('subtract', {})).json().error.code).toBe('JOB_INVALID');
  expect((await post('add', { a: 1 })).statusCode).toBe(202);
  const job = await client.fetch('sums');
  expect(job).toMatchObject({ queue: 'sums', retry: 5, reserve_for: 60, args: [{ a: 1 }] });
});
