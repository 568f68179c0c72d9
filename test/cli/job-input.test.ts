import { describe, expect, it } from 'vitest';
import { jobOfLine, parseArgument, parseDelay } from '../../src/cli/job-input.ts';

describe('arguments of the command line', () => {
  it('are JSON', () => {
    expect(['{"a":1}', '[1]', '1', '"x"', 'null'].map(parseArgument)).toEqual([{ a: 1 }, [1], 1, 'x', null]);
  });

  it('that are not are told by their place, with the quotes that are missing', () => {
    expect(() => parseArgument('hello', 1)).toThrow(
      `argument 2 is not JSON: hello; for a string, write '"hello"'`,
    );
    expect(() => parseArgument('{a:1}', 0)).toThrow(/^argument 1 is not JSON: \{a:1\}$/);
  });
});

describe('--in', () => {
  it.each([
    ['500ms', 500],
    ['30', 30_000],
    ['30s', 30_000],
    ['1.5m', 90_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['0', 0],
  ])('%s', (text, delayMs) => {
    expect(parseDelay(text)).toBe(delayMs);
  });

  it.each(['', 'soon', '-1s', '5 m', '5w', '1e3', '99999d'])('refuses "%s"', (text) => {
    expect(() => parseDelay(text)).toThrow(/^--in is ".*", it takes a time from now such as/);
  });
});

describe('a line of a file', () => {
  it('is the arguments where the jobtype is named', () => {
    expect(jobOfLine('[1,2]', 'add', {})).toEqual({ jobtype: 'add', args: [1, 2] });
    expect(jobOfLine('{"a":1}', 'add', { queue: 'q' })).toEqual({
      jobtype: 'add',
      args: [{ a: 1 }],
      queue: 'q',
    });
    expect(jobOfLine('7', 'add', {})).toEqual({ jobtype: 'add', args: [7] });
  });

  it('is the whole job otherwise, and its own fields win', () => {
    const line = '{"jobtype":"add","args":[1],"queue":"own","retry":0}';
    expect(jobOfLine(line, undefined, { queue: 'q', at: '2030-01-31T09:00:00Z' })).toEqual({
      jobtype: 'add',
      args: [1],
      queue: 'own',
      retry: 0,
      at: '2030-01-31T09:00:00Z',
    });
  });

  it('may say a partition key, else that of the command line', () => {
    const extras = { partitionKey: 'all' };
    expect(jobOfLine('{"jobtype":"add","partitionKey":"own"}', undefined, extras).partitionKey).toBe('own');
    expect(jobOfLine('{"jobtype":"add"}', undefined, extras).partitionKey).toBe('all');
    expect(jobOfLine('[1]', 'add', extras).partitionKey).toBe('all');
  });

  it.each([
    ['oops', /^not JSON: /],
    ['[1,2]', /^it takes an object such as/],
    ['1', /^it takes an object such as/],
    ['{"jobtype":"add","arguments":[]}', /^"arguments" is no field of a job; those are jobtype, args, /],
  ])('is refused: %s', (line, message) => {
    expect(() => jobOfLine(line, undefined, {})).toThrow(message);
  });
});
