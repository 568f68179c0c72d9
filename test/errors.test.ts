import { describe, expect, it } from 'vitest';
import { isMillraceError, MillraceError, messageOf } from '../src/errors.ts';

describe('MillraceError', () => {
  it('has a code to match on, a sentence of the catalogue, and its cause', () => {
    const cause = new Error('ECONNREFUSED');
    const error = new MillraceError('FAKTORY_UNREACHABLE', undefined, { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe('MillraceError');
    expect(error.code).toBe('FAKTORY_UNREACHABLE');
    expect(error.message).toBe('Faktory cannot be reached');
    expect(error.cause).toBe(cause);
  });

  it('says more where there is more to say, an empty text included', () => {
    expect(new MillraceError('JOB_INVALID', 'retry is 1.5').message).toBe('retry is 1.5');
    expect(new MillraceError('JOB_INVALID', '').message).toBe('');
  });

  it('has no cause when it was given none', () => {
    expect('cause' in new MillraceError('CLOSED')).toBe(false);
  });
});

describe('isMillraceError', () => {
  const error = new MillraceError('CLOSED');

  it('tells this package’s errors from others, by code where codes are given', () => {
    expect(isMillraceError(error)).toBe(true);
    expect(isMillraceError(error, 'CLOSED')).toBe(true);
    expect(isMillraceError(error, 'PRESSURE', 'CLOSED')).toBe(true);
    expect(isMillraceError(error, 'PRESSURE')).toBe(false);
  });

  it.each([undefined, null, 'CLOSED', new Error('CLOSED'), { code: 'CLOSED' }])('is not %o', (other) => {
    expect(isMillraceError(other)).toBe(false);
    expect(isMillraceError(other, 'CLOSED')).toBe(false);
  });
});

describe('messageOf', () => {
  it.each([
    ['an error', new Error('it broke'), 'it broke'],
    [
      'an error of many lines',
      new Error('it broke:\n\n  at line 1\r\n  at line 2\n'),
      'it broke: at line 1 at line 2',
    ],
    ['an error without a message', new TypeError(), 'TypeError'],
    ['text', 'it broke\n', 'it broke'],
    ['a number', 42, '42'],
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a symbol', Symbol('it'), 'Symbol(it)'],
    ['a plain object', {}, '[object Object]'],
  ])('puts %s into one line', (_name, thrown, message) => {
    expect(messageOf(thrown)).toBe(message);
  });

  it.each([
    ['no prototype', Object.create(null)],
    ['a toString that throws', { toString: () => Promise.reject.call(undefined) }],
    [
      'a message that throws',
      Object.defineProperty(new Error(), 'message', {
        get() {
          throw new Error('again');
        },
      }),
    ],
    ['a message that is no text', Object.assign(new Error(), { message: 42 })],
  ])('survives something thrown with %s', (_name, thrown) => {
    expect(typeof messageOf(thrown)).toBe('string');
  });
});
