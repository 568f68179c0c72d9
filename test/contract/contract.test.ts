import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { type ArgsIn, type ArgsOut, defineJobs, PayloadError } from '../../src/contract/contract.ts';

const jobs = defineJobs({
  add: {
    args: z.tuple([z.object({ a: z.number(), b: z.number().default(1) })]),
    queue: 'sums',
    retry: 5,
    reserveFor: 60,
  },
  greet: { args: z.tuple([z.string()]).rest(z.string()) },
  loose: {},
  unique: {
    args: z.tuple([z.string().refine(async (name) => name !== 'taken', 'is taken')]),
  },
});

describe('parseArgs', () => {
  it('gives back what the schema makes of the args', async () => {
    expect(await jobs.parseArgs('add', [{ a: 1 }])).toEqual([{ a: 1, b: 1 }]);
    expect(await jobs.parseArgs('greet', ['a', 'b', 'c'])).toEqual(['a', 'b', 'c']);
    expect(jobs.parseArgs('loose', [1, null])).toEqual([1, null]);
  });

  it('tells each fault with its path', () => {
    const attempt = (): unknown => jobs.parseArgs('add', [{ a: 'one', b: null }]);
    expect(attempt).toThrow(PayloadError);
    try {
      attempt();
    } catch (error) {
      expect(error).toMatchObject({ code: 'PAYLOAD_INVALID' });
      expect((error as PayloadError).faults.map(({ path }) => path)).toEqual(['args[0].a', 'args[0].b']);
    }
    expect(() => jobs.parseArgs('add', [])).toThrow(/^the payload of "add" does not fit its contract: args/);
  });

  it('waits for a schema that is asynchronous', async () => {
    expect(await jobs.parseArgs('unique', ['free'])).toEqual(['free']);
    await expect(jobs.parseArgs('unique', ['taken'])).rejects.toThrow('args[0]: is taken');
  });

  it.each(['subtract', 'constructor', '__proto__', 'toString'])(
    'refuses %s, which is not in the contract',
    (jobtype) => {
      expect(() => jobs.parseArgs(jobtype, [])).toThrow(
        `jobtype "${jobtype}" is not in the contract, which has: add,`,
      );
    },
  );
});

describe('complete', () => {
  it('fills in queue, retries and reservation, unless the push says otherwise', () => {
    expect(jobs.complete({ jobtype: 'add' })).toEqual({
      jobtype: 'add',
      queue: 'sums',
      retry: 5,
      reserve_for: 60,
    });
    expect(jobs.complete({ jobtype: 'add', queue: 'other', retry: 0 })).toMatchObject({
      queue: 'other',
      retry: 0,
    });
    expect(jobs.complete({ jobtype: 'loose' })).toEqual({ jobtype: 'loose' });
  });
});

describe('defineJobs', () => {
  it('refuses names that Faktory does not take', () => {
    expect(() => defineJobs({ '': {} })).toThrow('jobtype is ""');
    expect(() => defineJobs({ add: { queue: 'retries' } })).toThrow('queue is "retries"');
  });

  it('types the args on both sides', () => {
    type Jobs = (typeof jobs)['jobs'];
    expectTypeOf<ArgsIn<Jobs['add']>>().toEqualTypeOf<[{ a: number; b?: number | undefined }]>();
    expectTypeOf<ArgsOut<Jobs['add']>>().toEqualTypeOf<[{ a: number; b: number }]>();
    expectTypeOf<ArgsIn<Jobs['greet']>>().toEqualTypeOf<[string, ...string[]]>();
    expectTypeOf<ArgsIn<Jobs['loose']>>().toEqualTypeOf<unknown[]>();
  });
});
