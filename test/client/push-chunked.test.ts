import { afterEach, beforeEach, expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import type { ChunkError } from '../../src/client/push-chunked.ts';
import { startFaktory, type TestFaktory } from '../../src/testing/test-faktory.ts';

let faktory: TestFaktory;
let client: Client;

beforeEach(async () => {
  faktory = await startFaktory();
  client = new Client({ url: faktory.url, logger: false });
});

afterEach(async () => {
  await client.close();
  await faktory.stop();
});

const items = (): unknown[] => faktory.jobs().flatMap(({ args }) => args);

it('makes few jobs of many items, in their order, with what is said of the jobs', async () => {
  const jids = await client.pushChunked('import', [1, 2, 3, 4, 5], {
    size: 2,
    queue: 'bulk',
    retry: 7,
    reserve_for: 90,
  });
  expect(faktory.jobs({ queue: 'bulk' })).toMatchObject(
    [[1, 2], [3, 4], [5]].map((chunk, at) => ({ jid: jids[at], args: [chunk], retry: 7, reserve_for: 90 })),
  );
});

it('takes an asynchronous iterable, and an empty one', async () => {
  async function* source(): AsyncGenerator<number> {
    for (let n = 0; n < 4; n += 1) yield n;
  }
  expect(await client.pushChunked('import', source(), { size: 2 })).toHaveLength(2);
  expect(await client.pushChunked('import', [], { size: 2 })).toEqual([]);
  expect(items()).toEqual([
    [0, 1],
    [2, 3],
  ]);
});

it('goes on past a chunk that is refused, and tells which items it had', async () => {
  const pushing = client.pushChunked('import', [1, 2, 3, 4n, 5], { size: 2 });
  const error = (await pushing.catch((thrown: unknown) => thrown)) as AggregateError;
  expect(error.message).toMatch(/^1 of 3 chunks: items 2 to 3: /);
  const [chunk] = error.errors as ChunkError[];
  expect(chunk).toMatchObject({ code: 'JOB_INVALID', from: 2, to: 4 });
  expect(items()).toEqual([[1, 2], [5]]);
});

it.each([0, 1.5, Number.NaN])('refuses a size of %s', async (size) => {
  await expect(client.pushChunked('import', [1], { size })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});

it('throws what the iterable throws, after what came before it is stored', async () => {
  function* source(): Generator<number> {
    yield* [1, 2];
    throw new Error('the file is broken');
  }
  await expect(client.pushChunked('import', source(), { size: 2 })).rejects.toThrow('the file is broken');
  expect(items()).toEqual([[1, 2]]);
});
