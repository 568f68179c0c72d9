import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parseAddress, showAddress } from '../../src/connection/address.ts';
import type { MillraceError } from '../../src/errors.ts';

describe('parseAddress', () => {
  it.each([
    ['tcp://faktory', 'faktory', 7419, undefined],
    ['tcp://faktory/', 'faktory', 7419, undefined],
    ['tcp://faktory:7500', 'faktory', 7500, undefined],
    ['tcp://faktory:7500/', 'faktory', 7500, undefined],
    ['tcp://faktory:80', 'faktory', 80, undefined],
    ['tcp://127.0.0.1:7419', '127.0.0.1', 7419, undefined],
    ['tcp://[::1]', '::1', 7419, undefined],
    ['tcp://[::1]:7500', '::1', 7500, undefined],
    ['tcp://:secret@faktory:7500', 'faktory', 7500, 'secret'],
    ['tcp://any:secret@faktory', 'faktory', 7419, 'secret'],
    ['tcp://secret@faktory', 'faktory', 7419, 'secret'],
    ['tcp://:p%40ss%2Fw%C3%B6rd@faktory', 'faktory', 7419, 'p@ss/wörd'],
    ['tcp://:p@ss@faktory:7500', 'faktory', 7500, 'p@ss'],
    ['tcp://:p@ss:99@faktory', 'faktory', 7419, 'p@ss:99'],
    ['tcp://:100%@faktory', 'faktory', 7419, '100%'],
    ['tcp://:1234@faktory', 'faktory', 7419, '1234'],
  ])('reads %s', (url, host, port, password) => {
    expect(parseAddress(url)).toEqual({ host, port, tls: false, password });
    expect(parseAddress(url.replace('tcp:', 'tcp+tls:'))).toEqual({ host, port, tls: true, password });
  });

  it('prefers the password given apart, and takes an empty one for none', () => {
    expect(parseAddress('tcp://:url@faktory', 'apart').password).toBe('apart');
    expect(parseAddress('tcp://:url@faktory', '').password).toBe('url');
    expect(parseAddress('tcp://faktory', 'apart').password).toBe('apart');
  });

  it.each([
    '',
    'faktory',
    'faktory:7419',
    'tcp:faktory',
    'http://faktory:7419',
    'redis://faktory',
    'tcp://',
    'tcp://:7419',
    'tcp://faktory:port',
    'tcp://faktory:99999',
    'tcp://faktory:7419/path',
    'tcp://faktory:7500?x=1',
    'tcp://faktory:7500#x',
    'tcp://a b',
  ])('ADDRESS_INVALID, saying what it takes: %s', (url) => {
    expect(() => parseAddress(url)).toThrow(
      expect.objectContaining({
        code: 'ADDRESS_INVALID',
        message: expect.stringMatching(/^FAKTORY_URL is ".*", it takes tcp:\/\/host:7419.*tcp\+tls/),
      }),
    );
  });

  it.each(['tcp://faktory:99999', 'tcp://:secret@faktory:port', 'tcp+tls://[::1]:70000/'])(
    'says so where it is the port: %s',
    (url) => expect(() => parseAddress(url)).toThrow(/ for TLS; its port is a number from 1 to 65535$/),
  );

  it.each(['tcp://', 'redis://faktory:7419', 'tcp://a b:7419', 'tcp://faktory:7419/path'])(
    'says nothing of the port where that is right: %s',
    (url) => expect(() => parseAddress(url)).toThrow(/ for TLS$/),
  );

  it.each([
    'tcp://:hunter2@faktory:port',
    'tcp://:hunter2@faktory:7419/path',
    'tcp://hunter2@faktory:99999',
    'tcp://:base64/hunter2@faktory',
    'tcp://:at@hunter2@faktory:port',
    'tcp://:hash#hunter2@faktory',
    'tcp://:question?hunter2@faktory',
    'http://:hunter2@faktory',
    'faktory:hunter2@faktory',
  ])('never shows the password, wherever the error is looked at: %s', (url) => {
    let thrown: MillraceError | undefined;
    try {
      parseAddress(url);
    } catch (error) {
      thrown = error as MillraceError;
    }
    expect(thrown?.code).toBe('ADDRESS_INVALID');
    expect(inspect(thrown, { depth: 10, showHidden: true })).not.toContain('hunter2');
  });
});

describe('showAddress', () => {
  it.each(['tcp://faktory:7419', 'tcp+tls://10.0.0.7:7500', 'tcp://[::1]:7419'])('shows %s', (url) => {
    expect(showAddress(parseAddress(url))).toBe(url);
  });

  it('shows no password', () => {
    expect(showAddress(parseAddress('tcp://:hunter2@faktory'))).toBe('tcp://faktory:7419');
  });
});
