import { afterEach, describe, expect, it } from 'vitest';
import { forgetSecrets, hideSecret, redact } from '../src/redact.ts';
import { type Seeded, seeded } from './protocol/seeded.ts';

afterEach(() => {
  forgetSecrets();
});

describe('redact hides', () => {
  it.each([
    // URLs
    ['connect to tcp://:hunter22@faktory:7419 failed', 'connect to tcp://***@faktory:7419 failed'],
    ['postgres://app:s3cret@db/app timed out', 'postgres://***@db/app timed out'],
    ['postgres://app:p@ss-word@db', 'postgres://***@db'],
    ['redis://:ab/cd==@h', 'redis://***@h'],
    ['redis://:12/cd==@h:6379/0 and more', 'redis://***@h:6379/0 and more'],
    ['"tcp://:it\'s@h"', '"tcp://***@h"'],
    ['https://ghp_abc@github.com/a/b@1.0', 'https://***@github.com/a/b@1.0'],
    ['https://web.archive.org/https://u:pw@h/x', 'https://web.archive.org/https://***@h/x'],
    // Headers
    ['Authorization: Bearer abcdef123456', 'Authorization: ***'],
    ['Authorization: token ghp_abc', 'Authorization: ***'],
    ['Authorization: Digest username="Mufasa", response="6629"', 'Authorization: ***'],
    ['proxy-authorization: a b\nnext: c', 'proxy-authorization: ***\nnext: c'],
    ['curl -H "Authorization: token ghp_x" http://h', 'curl -H "Authorization: ***" http://h'],
    ['ran \\"Cookie: a=b; c=d\\" there', 'ran \\"Cookie: ***\\" there'],
    ['Cookie: session=abc; other=d e', 'Cookie: ***'],
    ["{ authorization: 'Bearer x', host: 'h' }", "{ authorization: '***', host: 'h' }"],
    ['{"headers":{"set-cookie":["a=b; Path=/"]}}', '{"headers":{"set-cookie":["***"]}}'],
    ['basic dXNlcjpwYXNz rejected', 'basic *** rejected'],
    // Names
    ['API_TOKEN: abcdef', 'API_TOKEN: ***'],
    ['AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG', 'AWS_SECRET_ACCESS_KEY=***'],
    ['secretKey: "sk_live_abc"', 'secretKey: "***"'],
    ['private_key=abc', 'private_key=***'],
    ['the api key: abc', 'the api key: ***'],
    ['{ :apikey=>"abc" }', '{ :apikey=>"***" }'],
    ['x-api-key: abc', 'x-api-key: ***'],
    ['AccountKey=abc==;EndpointSuffix=x', 'AccountKey=***;EndpointSuffix=x'],
    ['SECRET_KEY_BASE=abc', 'SECRET_KEY_BASE=***'],
    ['passwordHash=abc', 'passwordHash=***'],
    ['//registry/:_authToken=npm_abc', '//registry/:_authToken=***'],
    // Values
    ['password=hunter22&user=a', 'password=***&user=a'],
    ['password=&topsecret', 'password=***'],
    ['f(password=a(b)c), d', 'f(password=***), d'],
    ['{password: abc, user: d}', '{password: ***, user: d}'],
    ['PASSWORD=a,b;c d', 'PASSWORD=*** d'],
    ['"PASSWORD=abc" is bad', '"PASSWORD=***" is bad'],
    ["PGPASSWORD='abc def'", "PGPASSWORD='***'"],
    ['said password: "abc def', 'said password: "***'],
    ['got {"password":"correct horse battery staple"}', 'got {"password":"***"}'],
    ['got {"password":"ab\\"cdefgh","a":1}', 'got {"password":"***","a":1}'],
    ['got {\\"password\\":\\"ab\\\\\\"cd\\",\\"a\\":1}', 'got {\\"password\\":\\"***\\",\\"a\\":1}'],
    ['got {\\"password\\":\\"ab" cut', 'got {\\"password\\":\\"***" cut'],
    [
      'private_key=-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----',
      'private_key=*** RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----',
    ],
    // JSON
    ['{"token":"abc","a":1}', '{"token":"***","a":1}'],
    ['{"msg":"got {\\"password\\":\\"abc\\"}"}', '{"msg":"got {\\"password\\":\\"***\\"}"}'],
    ['{"msg":"got {\\"password\\":\\"a\\\\\\"b c\\"}"}', '{"msg":"got {\\"password\\":\\"***\\"}"}'],
    ['{"api_key":"k","x":2}', '{"api_key":"***","x":2}'],
    ['{"password":123456,"b":["c"]}', '{"password":"***","b":["c"]}'],
    [
      '{"credentials":{"user":"u","more":["x"]},"b":"c"}',
      '{"credentials":{"user":"***","more":["***"]},"b":"c"}',
    ],
    ['{"queue":{"password":"abc"}}', '{"queue":{"password":"***"}}'],
  ])('%s', (text, clean) => {
    expect(redact(text)).toBe(clean);
    expect(redact(clean)).toBe(clean);
  });
});

describe('redact leaves as it is', () => {
  it.each([
    'the token of the page',
    '{"tokens":5,"token":5,"secret":null,"password":""}',
    '{"token":1e21,"secret":-1.5,"pass":true}',
    'got {"token":5,"secret":null}',
    'mail me@example.org',
    'http://a/b@c',
    'http://127.0.0.1:3000/jobs/add',
    'docker://registry:5000/image@sha256:abc',
    'http://[::1]:3000/a@b',
    'a basic test',
    'monkey: banana',
    'keyboard=qwerty',
    'tokens: 5',
    '"key":"value"',
    'primary_key=id, cacheKey: a:b',
    'token_type: bearer',
    'secretName=faktory AWS_ACCESS_KEY_ID=AKIA',
    'if (token == undefined) return',
    'password=&user=a',
    'Unexpected token: }',
    'secret: { "name": "x" }',
    '{"jid":"token:refresh","jobtype":"password: reset","queue":"secret=x","queues":["token=a"],"a":1}',
  ])('%s', (text) => {
    expect(redact(text)).toBe(text);
  });
});

describe('a secret that is known', () => {
  it('is hidden wherever it stands, also as it stands in JSON', () => {
    hideSecret('a"b\\c/d@e');
    hideSecret('short');
    hideSecret(undefined);
    expect(redact('got a"b\\c/d@e, short')).toBe('got ***, short');
    expect(redact(JSON.stringify({ msg: 'got a"b\\c/d@e' }))).toBe('{"msg":"got ***"}');
    expect(redact(JSON.stringify({ msg: JSON.stringify('a"b\\c/d@e') }))).toBe('{"msg":"\\"***\\""}');
  });

  it('leaves nothing of a longer one that starts with it', () => {
    hideSecret('s3cret');
    hideSecret('s3cret-and-more');
    expect(redact('got s3cret-and-more')).toBe('got ***');
  });

  it('is never taken out of a number, nor out of what says which job it is', () => {
    hideSecret('123456');
    hideSecret('default');
    const line = '{"time":1712345678901,"jid":"123456","queue":"default","jobtype":"default"';
    expect(redact(`${line},"msg":"default"}`)).toBe(`${line},"msg":"***"}`);
    expect(redact(`${line},"default":123456,"msg":"by default 123456"}`)).toBe(
      `${line},"default":123456,"msg":"by *** ***"}`,
    );
  });

  it('and is a short word or number is hidden only where it stands by itself', () => {
    hideSecret('default');
    hideSecret('123456');
    expect(redact('defaults are 1234567')).toBe('defaults are 1234567');
    expect(redact('tcp://h?x=default/123456.')).toBe('tcp://h?x=***/***.');
  });

  it('that is the very name of one hides no less', () => {
    hideSecret('password');
    expect(redact('password=abc')).toBe('***=***');
  });
});

describe('a line of JSON', () => {
  const WORDS = [
    'password',
    'token',
    'a"b',
    'c\\',
    '\n',
    '://',
    '@',
    ':',
    '=',
    "'",
    '"',
    ' ',
    'x',
    '12',
    'e',
    '{',
    '}',
    '-',
  ];
  const text = (random: Seeded): string =>
    Array.from({ length: random.int(0, 8) }, () => random.pick(WORDS)).join('');
  const value = (random: Seeded, depth: number): unknown => {
    const kind = random.int(0, depth > 3 ? 4 : 6);
    if (kind === 0) return random.next() * 10 ** random.int(-20, 25);
    if (kind === 1) return random.pick([true, false, null, 0, 123456, 1712345678901, 1e21]);
    if (kind <= 3) return text(random);
    if (kind === 4) return JSON.stringify({ [text(random)]: text(random) });
    const values = Array.from({ length: random.int(0, 4) }, () => value(random, depth + 1));
    return kind === 5 ? values : Object.fromEntries(values.map((one) => [text(random), one]));
  };
  /** All keys, and where they stand. */
  const shape = (of: unknown): unknown => {
    if (Array.isArray(of)) return of.map(shape);
    if (typeof of !== 'object' || of === null) return null;
    return Object.entries(of).map(([key, one]) => [key, shape(one)]);
  };

  it('stays one, with the same keys, whatever is secret', () => {
    const random = seeded();
    for (let round = 0; round < 3_000; round += 1) {
      forgetSecrets();
      const line = JSON.stringify({ level: 40, time: 1712345678901, [text(random)]: value(random, 0) });
      // Also secrets that are a piece of the very line.
      const at = random.int(0, line.length);
      hideSecret(random.pick([line.slice(at, at + random.int(6, 12)), `123456`, 'password', text(random)]));
      const why = `seed ${random.seed}, round ${round}: ${line}`;
      const clean = redact(line);
      expect(() => JSON.parse(clean), why).not.toThrow();
      expect(shape(JSON.parse(clean)), why).toEqual(shape(JSON.parse(line)));
    }
  });
});

describe('a megabyte', () => {
  // Where time is not linear in the text these take minutes, and the test its limit.
  it.each([
    'a.',
    'a',
    '://',
    'a://',
    'a://b:c',
    'a://b:c@',
    'a://b:1/x@y',
    'a@',
    ':',
    '=',
    'password=',
    'password:',
    'password="',
    "password='x",
    'password=\\"\\\\\\"',
    'password=\\',
    'password={',
    'password=a,b',
    '\\',
    '\\"',
    '"',
    ' ',
    'password ',
    'authorization:',
    '"authorization: \\',
    'authorization:\n',
    'bearer ',
    'basic a',
    'bearer abcdefgh ',
    '-----BEGIN PRIVATE KEY-----',
    '-----BEGIN A ',
    'key: ',
    'a key',
    'apiapi',
    'secret',
    'A',
    'aA',
    '{"a":',
    '[',
    '0',
  ])('of %j is gone through', { timeout: 20_000 }, (piece) => {
    hideSecret('aaaaaaaaaaaab');
    hideSecret('aaaaaa');
    const long = piece.repeat(Math.ceil(1_000_000 / piece.length));
    expect(redact(long).length).toBeGreaterThan(0);
    expect(redact(`password=\\${long}`).length).toBeGreaterThan(0);
    const line = JSON.stringify({ msg: long, [long]: [long] });
    expect(Object.keys(JSON.parse(redact(line)))).toEqual(['msg', long]);
  });
});
