import { describe, expect, it } from 'vitest';
import { answerHi, parseHi, passwordHash } from '../../src/protocol/handshake.ts';

describe('parseHi', () => {
  it('reads a greeting with and without a password', () => {
    expect(parseHi('HI {"v":2}')).toEqual({ v: 2 });
    expect(parseHi('HI {"v":2,"i":4000,"s":"55104dc76695721d"}')).toEqual({
      v: 2,
      i: 4000,
      s: '55104dc76695721d',
    });
    expect(parseHi('HI {"v":2,"later":"fields"}')).toEqual({ v: 2 });
  });

  it.each(['HI {"v":1}', 'HI {"v":3}', 'HI {}', 'HI {"v":"2"}'])('FAKTORY_VERSION: %s', (text) => {
    expect(() => parseHi(text)).toThrow(expect.objectContaining({ code: 'FAKTORY_VERSION' }));
  });

  it.each([
    '',
    'HI',
    'HI ',
    'HI null',
    'HI 2',
    'HI {"v":2',
    'hi {"v":2}',
    'OK',
    'HI {"v":2,"s":1,"i":4000}',
    'HI {"v":2,"s":"salt"}',
    'HI {"v":2,"s":"salt","i":0}',
    'HI {"v":2,"s":"salt","i":-1}',
    'HI {"v":2,"s":"salt","i":1.5}',
    'HI {"v":2,"s":"salt","i":"4000"}',
    'HI {"v":2,"s":"salt","i":1000000000}',
  ])('PROTOCOL_VIOLATION: %s', (text) => {
    expect(() => parseHi(text)).toThrow(expect.objectContaining({ code: 'PROTOCOL_VIOLATION' }));
  });

  it('shows a strange greeting in one short line', () => {
    expect(() => parseHi(`SSH-2.0\r\n${'x'.repeat(1_000)}`)).toThrow(/^.{1,160}$/);
  });
});

describe('passwordHash', () => {
  it('is that of Faktory’s own test', () => {
    expect(passwordHash('foobar', '55104dc76695721d', 1545)).toBe(
      '6d877f8e5544b1f2598768f817413ab8a357afffa924dedae99eb91472d4ec30',
    );
  });

  it('hashes once for one round, over password and salt as UTF-8', () => {
    // printf 'pässwordsalt' | sha256sum
    expect(passwordHash('pässword', 'salt', 1)).toBe(
      'eebd07b8d6aeec5541eeba010c8dad085b3d2dfb695a98155626bc24d3a4f04d',
    );
  });
});

describe('answerHi', () => {
  const hello = { v: 2, hostname: 'h' };

  it('proves nothing where nothing is asked, a password at hand or not', () => {
    expect(answerHi({ v: 2 }, hello, undefined)).toEqual(hello);
    expect(answerHi({ v: 2 }, hello, 'secret')).toEqual(hello);
  });

  it('adds the hash, and changes nothing of what it was given', () => {
    const hi = { v: 2, s: '55104dc76695721d', i: 1545 };
    expect(answerHi(hi, hello, 'foobar')).toEqual({ ...hello, pwdhash: passwordHash('foobar', hi.s, hi.i) });
    expect(hello).toEqual({ v: 2, hostname: 'h' });
  });

  it.each([undefined, ''])('FAKTORY_PASSWORD for %o: it names the variable', (password) => {
    expect(() => answerHi({ v: 2, s: 'salt', i: 4000 }, hello, password)).toThrow(
      expect.objectContaining({
        code: 'FAKTORY_PASSWORD',
        message: expect.stringContaining('FAKTORY_PASSWORD'),
      }),
    );
  });
});
