import { describe, expect, it } from 'vitest';
import { failureOf } from '../../src/worker/failure.ts';

class PaymentRefused extends Error {}

const circular: Record<string, unknown> = {};
circular.self = circular;

const hostile = {
  get message(): string {
    throw new Error('not even this');
  },
  toString(): string {
    throw new Error('nor this');
  },
};

function thrower(): never {
  throw new Error('a trap');
}

function hostileError(): Error {
  const error = new Error('x');
  // The stack first: V8 makes it when it is first touched, from the message.
  for (const key of ['stack', 'message', 'code', 'name']) Object.defineProperty(error, key, { get: thrower });
  return error;
}

describe('failureOf', () => {
  it.each(['€', '"', '\\', '\u0000', '\ud800', '\n', 'x'])(
    'stays under 8 kB with a message full of %j',
    (char) => {
      const error = new Error(char.repeat(10_000_000));
      error.stack = Array.from({ length: 500 }, () => `at ${char.repeat(1_000)}`).join('\n');
      const json = JSON.stringify(failureOf('abcdefgh', error));
      expect(Buffer.byteLength(json)).toBeLessThan(8_000);
    },
  );

  it('lets no secret through', () => {
    const error = new Error('cannot reach postgres://app:hunter22@db/app with token=abcdef');
    const json = JSON.stringify(failureOf('abcdefgh', error));
    expect(json).not.toMatch(/hunter22|abcdef(?!gh)/);
  });

  it('names the class of the error, and its message', () => {
    const failure = failureOf('abcdefgh', new PaymentRefused('card expired'));
    expect(failure).toMatchObject({ jid: 'abcdefgh', errtype: 'PaymentRefused', message: 'card expired' });
    expect(failure.backtrace[0]).toMatch(/^at /);
  });

  it('prefers a code', () => {
    expect(failureOf('abcdefgh', Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })).errtype).toBe(
      'ECONNREFUSED',
    );
    expect(failureOf('abcdefgh', Object.assign(new Error('refused'), { code: 42 })).errtype).toBe('Error');
  });

  // Behind functions: the runner shows the values of a table, and these cannot be shown.
  it.each<[string, () => unknown]>([
    ['a string', () => 'just a string'],
    ['null', () => null],
    ['undefined', () => undefined],
    ['a number', () => 7],
    ['a symbol', () => Symbol('s')],
    ['a bigint', () => 10n],
    ['a circular object', () => circular],
    ['an object without a prototype', () => Object.create(null)],
    ['an object whose getters throw', () => hostile],
    ['an error whose getters throw', hostileError],
    ['a proxy that throws', () => new Proxy({}, { get: thrower, getPrototypeOf: thrower })],
  ])('takes %s', (_name, thrown) => {
    const failure = failureOf('abcdefgh', thrown());
    expect(typeof failure.message).toBe('string');
    expect(typeof failure.errtype).toBe('string');
    expect(JSON.stringify(failure).length).toBeLessThan(8_192);
  });

  it('stays under 8 kB whatever the error holds', () => {
    const error = new Error('m'.repeat(10 * 1024 * 1024));
    error.stack = Array.from({ length: 1_000 }, (_, i) => `    at f${i} (${'p'.repeat(5_000)})`).join('\n');
    expect(JSON.stringify(failureOf('abcdefgh', error)).length).toBeLessThan(8_192);
  });
});
