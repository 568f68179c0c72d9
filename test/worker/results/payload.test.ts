import { describe, expect, it } from 'vitest';
import { isPoison } from '../../../src/worker/poison.ts';
import { encodeReducerJob, entryText, readResults, resultText } from '../../../src/worker/results/payload.ts';
import { targetOf } from '../../../src/worker/results/target.ts';

const DEFAULTS = { retry: 25, reserveFor: 1_800 };

describe('a result', () => {
  it.each([undefined, null])('%o is none', (result) => {
    expect(resultText('add', result)).toBeUndefined();
  });

  it.each([0, '', false, { a: [1] }, 'ü', new Date(0)])('%o is one', (result) => {
    expect(resultText('add', result)).toBe(JSON.stringify(result));
  });

  const circle: Record<string, unknown> = {};
  circle.self = circle;
  let deep: unknown = [];
  for (let depth = 0; depth < 200; depth += 1) deep = [deep];
  it.each([
    ['a circle', circle, /cannot be written as JSON: Converting circular/],
    ['a bigint', 1n, /BigInt/],
    ['a function', () => 1, /it is a function/],
    ['a symbol', Symbol('s'), /it is a symbol/],
    ['NaN', Number.NaN, /is null as JSON and not null here/],
    [
      'what throws',
      {
        toJSON: () => {
          throw new Error('no');
        },
      },
      /no/,
    ],
    ['what is deep', deep, /nested over 90 deep/],
  ])('%s fails its job', (_what, result, text) => {
    expect(() => resultText('add', result)).toThrow(text);
    expect(() => resultText('add', result)).toThrow(expect.objectContaining({ code: 'RESULT_INVALID' }));
  });
});

describe("the reducer's job", () => {
  it('carries a version, and of each result its source and jobtype', () => {
    const target = targetOf(
      'add',
      { jobtype: 'say "args":[]', queue: 'sums', retry: 3, reserveFor: 90 },
      DEFAULTS,
    );
    const { jid, queue, json, bytes } = encodeReducerJob(target, [
      entryText('source-1', 'add "x"', '{"a":"$&"}'),
      entryText('source-2', 'add', '2'),
    ]);
    const job = JSON.parse(json) as { args: unknown[] };
    expect(job).toMatchObject({ jid, queue: 'sums', jobtype: 'say "args":[]', retry: 3, reserve_for: 90 });
    expect([queue, bytes]).toEqual(['sums', Buffer.byteLength(json)]);
    expect(job.args).toEqual([{ version: 2, results: expect.any(String) }]);
    expect(readResults(job.args)).toEqual([
      { source: 'source-1', jobtype: 'add "x"', result: { a: '$&' } },
      { source: 'source-2', jobtype: 'add', result: 2 },
    ]);
  });

  it.each([
    { jid: 'jid-of-job', jobtype: 'add' },
    [{ deep: { jid: 'jid-of-job', jobtype: 'add' } }],
    'said "jid":"jid-of-job","jobtype":"add"',
    JSON.stringify({ jid: 'jid-of-job', jobtype: 'add' }),
  ])('no text of it is that by which Faktory finds the job of a result, whatever that is: %j', (result) => {
    const target = targetOf('add', 'sum', DEFAULTS);
    const { json } = encodeReducerJob(target, [
      entryText('jid-of-job', 'add', resultText('add', result)!),
      entryText('jid-2', 'add', resultText('add', 1)!),
    ]);
    expect(json).not.toContain('"jid":"jid-of-job"');
    expect(json).not.toContain('"jobtype":"add"');
    expect([json.match(/"jid":/g), json.match(/"jobtype":/g)]).toEqual([['"jid":'], ['"jobtype":']]);
    expect(readResults((JSON.parse(json) as { args: unknown[] }).args)).toMatchObject([
      { source: 'jid-of-job', result },
      { result: 1 },
    ]);
  });

  it('may be of a worker before, which sent the results as they are', () => {
    const results = [{ source: 'source-1', jobtype: 'add', result: { a: 1 } }];
    expect(readResults([{ version: 1, results }])).toEqual(results);
  });

  it.each([
    [[]],
    [[null]],
    [[7]],
    [[{ version: 1 }]],
    [[{ version: 1, results: {} }]],
    [[{ version: 1, results: '[]' }]],
    [[{ version: 2, results: [] }]],
    [[{ version: 2, results: '[' }]],
    [[{ version: 2, results: '7' }]],
  ])('args that are no results are poison: %o', (args) => {
    const error = thrownBy(() => readResults(args));
    expect([(error as { code: string }).code, isPoison(error)]).toEqual(['PAYLOAD_INVALID', true]);
  });

  it('of another version fails, and is tried again: by then the worker may be new', () => {
    const error = thrownBy(() => readResults([{ version: 3, results: [] }]));
    expect(String(error)).toMatch(/version 3, this worker reads 1 and 2: update it/);
    expect(isPoison(error)).toBe(false);
  });
});

describe('where results go', () => {
  it('is the jobtype in the default queue, or what is said', () => {
    expect(targetOf('add', 'sum', DEFAULTS)).toEqual({
      jobtype: 'sum',
      queue: 'default',
      retry: 25,
      reserve_for: 1_800,
    });
    expect(targetOf('add', { jobtype: 'sum', queue: 'sums', retry: 0 }, DEFAULTS)).toMatchObject({
      queue: 'sums',
      retry: 0,
    });
  });

  it('is filled in by the contract, unless it is said', () => {
    const complete = (job: object) => ({
      queue: 'of-contract',
      retry: 7,
      reserve_for: 77,
      jobtype: '',
      ...job,
    });
    expect(targetOf('add', 'sum', DEFAULTS, complete)).toEqual({
      jobtype: 'sum',
      queue: 'of-contract',
      retry: 7,
      reserve_for: 77,
    });
    expect(targetOf('add', { jobtype: 'sum', queue: 'q' }, DEFAULTS, complete).queue).toBe('q');
  });

  it.each([
    [7, /reduceTo of "add" is 7, it takes the jobtype of a reducer/],
    [{ queue: 'a' }, /reduceTo of "add" is \{"queue":"a"\}/],
    ['', /jobtype is ""/],
    [{ jobtype: 'sum', queue: 'a b' }, /queue is "a b"/],
    [{ jobtype: 'sum', retry: 0.5 }, /reduceTo.retry of "add" is 0.5/],
    [{ jobtype: 'sum', reserveFor: 5 }, /reduceTo.reserveFor of "add" is 5/],
  ])('cannot be %o', (reduceTo, text) => {
    expect(() => targetOf('add', reduceTo as never, DEFAULTS)).toThrow(text);
  });
});

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
