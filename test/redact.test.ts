import { describe, expect, it } from 'vitest';
import { hideSecret, redact } from '../src/redact.ts';

describe('redact', () => {
  it.each([
    ['connect to tcp://:hunter22@faktory:7419 failed', 'connect to tcp://***@faktory:7419 failed'],
    ['postgres://app:s3cret@db/app timed out', 'postgres://***@db/app timed out'],
    ['Authorization: Bearer abcdef123456', 'Authorization: Bearer ***'],
    ['basic dXNlcjpwYXNz rejected', 'basic *** rejected'],
    ['password=hunter22&user=a', 'password=***&user=a'],
    ['{"token":"abc","a":1}', '{"token":"***","a":1}'],
    ['{"msg":"got {\\"password\\":\\"abc\\"}"}', '{"msg":"got {\\"password\\":\\"***\\"}"}'],
    ['API_TOKEN: abcdef', 'API_TOKEN: ***'],
    ['{"api_key":"k","x":2}', '{"api_key":"***","x":2}'],
    ["PGPASSWORD='abc def'", "PGPASSWORD='*** def'"],
  ])('%s', (text, clean) => {
    expect(redact(text)).toBe(clean);
  });

  it.each([
    'the token of the page',
    '{"tokens":5,"token":5,"secret":null}',
    'mail me@example.org',
    'http://127.0.0.1:3000/jobs/add',
    'a basic test',
  ])('leaves as it is: %s', (text) => {
    expect(redact(text)).toBe(text);
  });

  it('hides the very secrets it was told, also as they stand in JSON', () => {
    hideSecret('a"b\\c/d@e');
    hideSecret('short');
    hideSecret(undefined);
    expect(redact('got a"b\\c/d@e, short')).toBe('got ***, short');
    expect(redact(JSON.stringify({ msg: 'got a"b\\c/d@e' }))).toBe('{"msg":"got ***"}');
  });

  it('keeps every line JSON that was JSON', () => {
    const values: unknown[] = [
      'x',
      'a"b',
      'a\\',
      'a\\"',
      5,
      -1.5,
      true,
      null,
      ['q'],
      { token: 'y' },
      '',
      ' ',
    ];
    for (const key of ['password', 'token', 'authorization', 'url', 'msg']) {
      for (const value of values) {
        for (const nested of [
          value,
          JSON.stringify(value),
          `${key}=${String(value)}`,
          `tcp://:${String(value)}@h`,
        ]) {
          const line = JSON.stringify({ [key]: nested, after: 1 });
          expect(() => JSON.parse(redact(line)), line).not.toThrow();
        }
      }
    }
  });
});
