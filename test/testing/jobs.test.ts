import { expect, it } from 'vitest';
import { Kit, MINUTE } from './kit.ts';

it('shows jobs by where they are, with all their fields', async () => {
  await using kit = await Kit.start();
  const { client, faktory } = kit;
  const failing = { jobtype: 'fails', queue: 'hold' };
  await client.push({ ...failing, args: ['retries'] });
  await client.push({ ...failing, args: ['dead'], retry: -1 });
  await client.push({ ...failing, args: ['working'] });
  for (let i = 0; i < 2; i += 1) {
    const held = await client.fetch('hold');
    await client.fail(held!.jid, new RangeError('too far'));
  }
  await client.fetch('hold');
  await client.push({ jobtype: 'later', at: new Date(faktory.clock.now() + 2 * MINUTE), args: [2] });
  await client.push({ jobtype: 'later', at: new Date(faktory.clock.now() + MINUTE), args: [1] });
  const custom = { tenant: 7 };
  const jid = await client.push({ jobtype: 'add', args: [{ a: 1 }], queue: 'math', retry: 3, custom });
  await client.push({ jobtype: 'add', args: [2], queue: 'math' });

  expect(faktory.jobs({ state: 'enqueued' })[0]).toEqual({
    jid,
    jobtype: 'add',
    args: [{ a: 1 }],
    queue: 'math',
    retry: 3,
    reserve_for: 1800,
    custom,
    created_at: expect.any(String),
    enqueued_at: expect.any(String),
  });
  const args = (filter: Parameters<typeof faktory.jobs>[0]) => faktory.jobs(filter).map((job) => job.args[0]);
  expect(args({ state: 'enqueued' })).toEqual([{ a: 1 }, 2]);
  expect(args({ state: 'working' })).toEqual(['working']);
  expect(args({ state: 'scheduled' })).toEqual([1, 2]);
  expect(args({ state: 'retries' })).toEqual(['retries']);
  expect(args({ state: 'dead' })).toEqual(['dead']);
  expect(args({ jobtype: 'fails' })).toEqual(['working', 'retries', 'dead']);
  expect(args({ queue: 'math', jobtype: 'add' }).length).toBe(2);
  expect(args({ queue: 'math', state: 'dead' })).toEqual([]);
  expect(args({}).length).toBe(7);
  expect(faktory.jobs({ state: 'retries' })[0]!.failure).toMatchObject({
    message: 'too far',
    retry_count: 0,
    remaining: 25,
  });
});

it('gives copies', async () => {
  await using kit = await Kit.start();
  await kit.client.push({ jobtype: 'add', args: [1] });
  kit.faktory.jobs()[0]!.args.push('changed');
  expect(kit.faktory.jobs()[0]!.args).toEqual([1]);
});
