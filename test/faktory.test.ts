import * as npm from 'faktory-worker';
import { expect, it } from 'vitest';
import { startEmbeddedFaktory } from '../src/embedded/index.ts';
import faktory, { Client, create, Job, Mutation, Worker } from '../src/index.ts';
import { until } from './helpers/until.ts';

it('works as npm faktory-worker does: register, use, work, connect, stop', async () => {
  await using embedded = await startEmbeddedFaktory();
  const seen: unknown[] = [];
  const own = create();
  own.use(async (_ctx, next) => {
    seen.push('before');
    await next();
  });
  own.register('add', ({ a, b }: { a: number; b: number }) => seen.push(a + b));
  await own.work({ url: embedded.url, logger: false, trapSignals: false });
  await expect(own.work()).rejects.toMatchObject({ code: 'CLOSED' });
  const client = await own.connect({ url: embedded.url, logger: false });
  await client.job('add', { a: 1, b: 2 }).push();
  await until(() => seen.length === 2);
  expect(seen).toEqual(['before', 3]);
  await client.close();
  await own.stop();
  await own.stop();
});

it('performs one job without a Faktory', async () => {
  const own = create().register('add', ({ a, b }: { a: number; b: number }) => a + b);
  expect(await own.perform({ jobtype: 'add', args: [{ a: 1, b: 2 }] })).toBe(3);
  await expect(own.perform({ jobtype: 'other' })).rejects.toMatchObject({ code: 'HANDLER_UNKNOWN' });
});

it('has a default one', () => {
  expect(() => faktory.register('add', 'no function' as never)).toThrow(
    'the handler of "add" must be a function',
  );
});

it("holds all that npm faktory-worker's default export holds", () => {
  const theirs = Object.keys(npm.default);
  expect(theirs).toContain('registry');
  for (const name of theirs) expect([name, name in faktory]).toEqual([name, true]);
  expect(faktory).toMatchObject({ Client, Worker, Job, Mutation, create });
  const own = faktory.create();
  const handler = () => {};
  own.use(handler).register('add', handler);
  expect([own.registry.add, own.middleware, faktory.registry.add]).toEqual([handler, [handler], undefined]);
});
