import { describe, expect, it } from 'vitest';
import type { Intercept } from '../../src/embedded/index.ts';
import { SILENT } from '../../src/logger.ts';
import { until } from '../helpers/until.ts';
import { answersIn, exchange, listen, openPeer } from './raw-http.ts';
import { Service } from './service.ts';

const HOST = 'host: a\r\n';
const post = (heads: string, body = '', version = '1.1'): string =>
  `POST /jobs/add HTTP/${version}\r\n${heads}\r\n${body}`;
const chunked = (coding: string, body: string): string =>
  post(`${HOST}transfer-encoding: ${coding}\r\n`, body);
const get = (url: string, heads = HOST): string => `GET ${url} HTTP/1.1\r\n${heads}\r\n`;

describe('what is no HTTP, or more than may be, ends the connection', () => {
  it.each([
    ['no HTTP', 'HELLO {}\r\n\r\n', '400 REQUEST_INVALID'],
    ['an unknown method', `FOO /jobs/add HTTP/1.1\r\n${HOST}\r\n`, '400 REQUEST_INVALID'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '400 REQUEST_INVALID'],
    [
      'both lengths',
      post(`${HOST}content-length: 5\r\ntransfer-encoding: chunked\r\n`, '0\r\n\r\n'),
      '400 REQUEST_INVALID',
    ],
    [
      'both, the other way',
      post(`${HOST}transfer-encoding: chunked\r\ncontent-length: 5\r\n`, '0\r\n\r\n'),
      '400 REQUEST_INVALID',
    ],
    ['two lengths', post(`${HOST}content-length: 2\r\ncontent-length: 3\r\n`, '{}'), '400 REQUEST_INVALID'],
    ['a length with a sign', post(`${HOST}content-length: +2\r\n`, '{}'), '400 REQUEST_INVALID'],
    [
      'a space before the colon',
      post(`${HOST}transfer-encoding : chunked\r\n`, '0\r\n\r\n'),
      '400 REQUEST_INVALID',
    ],
    ['two codings', chunked('identity, chunked', '2\r\n{}\r\n0\r\n\r\n'), '400 REQUEST_INVALID'],
    ['a coding like chunked', chunked('xchunked', '0\r\n\r\n'), '400 REQUEST_INVALID'],
    ['chunked, but not at last', chunked('chunked, gzip', '0\r\n\r\n'), '400 REQUEST_INVALID'],
    ['a size that is none', chunked('chunked', 'zz\r\n\r\n'), '400 REQUEST_INVALID'],
    ['a size beyond 64 bits', chunked('chunked', 'ffffffffffffffffff\r\n\r\n'), '400 REQUEST_INVALID'],
    [
      'line ends without CR',
      'POST /jobs/add HTTP/1.1\nhost: a\ncontent-length: 2\n\n{}',
      '400 REQUEST_INVALID',
    ],
    ['a folded header', post(`${HOST}x: a\r\n b\r\ncontent-length: 2\r\n`, '{}'), '400 REQUEST_INVALID'],
    ['ESC in a header', get('/health', `${HOST}x-request-id: a\u001b[31m\r\n`), '400 REQUEST_INVALID'],
    ['ESC in the URL', get('/health\u001b'), '400 REQUEST_INVALID'],
    ['NUL in the URL', get('/hea\u0000lth'), '400 REQUEST_INVALID'],
    ['no Host', post('content-length: 2\r\n', '{}'), '400 REQUEST_INVALID'],
    ['two Hosts', post(`${HOST}HOST: b\r\ncontent-length: 2\r\n`, '{}'), '400 REQUEST_INVALID'],
    ['a head of 20 kB', get('/health', `${HOST}x: ${'x'.repeat(20_000)}\r\n`), '431 HEADERS_TOO_LARGE'],
    ['a URL of 20 kB', get(`/${'x'.repeat(20_000)}`), '431 HEADERS_TOO_LARGE'],
    ['300 headers', get('/health', HOST + 'x: y\r\n'.repeat(300)), '431 HEADERS_TOO_LARGE'],
    ['2,500 headers before Host', get('/health', 'x:\r\n'.repeat(2_500) + HOST), '431 HEADERS_TOO_LARGE'],
    ['a length over the limit', post(`${HOST}content-length: 99999999999\r\n`), '413 BODY_TOO_LARGE'],
    ['a chunk over the limit', chunked('chunked', `80\r\n${'x'.repeat(128)}\r\n`), '413 BODY_TOO_LARGE'],
    [
      'another expectation',
      post(`${HOST}expect: tea\r\ncontent-length: 2\r\n`, '{}'),
      '417 EXPECTATION_FAILED',
    ],
    ['CONNECT', 'CONNECT a:80 HTTP/1.1\r\nhost: a:80\r\n\r\n', '405 METHOD_NOT_ALLOWED'],
  ])('%s', async (_what, bytes, answer) => {
    await using service = await Service.start({ api: { bodyLimit: 100 } });
    const text = await exchange(await listen(service), bytes);
    expect(answersIn(text)).toEqual([answer]);
    expect(text).toMatch(/content-type: application\/json; charset=utf-8\r\n/);
    expect(service.faktory.counts().enqueued).toBe(0);
  });
});

describe('on one connection', () => {
  it.each([
    ['HTTP/1.0, without Host', post('content-length: 2\r\n', '{}', '1.0'), ['202']],
    ['100-continue', post(`${HOST}expect: 100-continue\r\ncontent-length: 2\r\n`, '{}'), ['100', '202']],
    [
      'an upgrade that nobody takes up',
      post(`${HOST}connection: upgrade\r\nupgrade: h2c\r\ncontent-length: 2\r\n`, '{}'),
      ['202'],
    ],
    ['a chunked body', chunked('Chunked', '1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n'), ['202']],
    [
      'several at once',
      get('/health') + post(`${HOST}content-length: 2\r\n`, '{}') + get('/nothing'),
      ['200', '202', '404 NOT_FOUND'],
    ],
    ['the address of another host in the URL', get('http://evil.example/health'), ['200']],
    [
      'methods that are not taken',
      ['PROPFIND', 'TRACE', 'OPTIONS', 'PUT']
        .map((method) => `${method} /jobs/add HTTP/1.1\r\n${HOST}\r\n`)
        .join(''),
      Array(4).fill('405 METHOD_NOT_ALLOWED'),
    ],
    ['HEAD', `HEAD /health HTTP/1.1\r\n${HOST}\r\n`, ['200']],
    ['OPTIONS of nothing', `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`, ['404 NOT_FOUND']],
  ])('%s is answered', async (_what, bytes, answers) => {
    await using service = await Service.start();
    await using peer = await openPeer(await listen(service));
    peer.socket.write(bytes);
    await until(() => answersIn(peer.text).length >= answers.length);
    expect(answersIn(peer.text)).toEqual(answers);
  });
});

describe('a client that ends its side behind its request', () => {
  it.each([
    ['one', post(`${HOST}content-length: 2\r\n`, '{}'), ['202']],
    ['several', get('/health') + post(`${HOST}content-length: 2\r\n`, '{}'), ['200', '202']],
    [
      'a bulk',
      post(`${HOST}content-length: 19\r\n`, '{"jobtype":"add"}\n ').replace('/jobs/add', '/jobs/bulk'),
      ['200'],
    ],
  ])('gets its answer, and then the connection ends: %s', async (_what, bytes, answers) => {
    await using service = await Service.start();
    await using peer = await openPeer(await listen(service));
    peer.socket.end(bytes);
    await until(() => peer.socket.closed);
    expect(answersIn(peer.text)).toEqual(answers);
  });

  it.each([
    ['nothing', '', []],
    ['half a head', 'POST /jobs/add HT', ['400 REQUEST_INVALID']],
    ['half a body', post(`${HOST}content-length: 20\r\n`, '{'), ['400 REQUEST_INVALID']],
  ])('is not waited for when it has sent %s', async (_what, bytes, answers) => {
    await using service = await Service.start();
    await using peer = await openPeer(await listen(service));
    peer.socket.end(bytes);
    await until(() => peer.socket.closed);
    expect(answersIn(peer.text)).toEqual(answers);
  });

  it('is not waited for in the midst of a bulk', async () => {
    await using service = await Service.start();
    await using peer = await openPeer(await listen(service));
    peer.socket.write('POST /jobs/bulk HTTP/1.1\r\nhost: a\r\ncontent-length: 90\r\n\r\n{"jobtype":"add"}\n');
    await until(() => peer.text.includes('"jid"'));
    peer.socket.end();
    await until(() => peer.socket.closed);
    await until(async () => (await service.metric('millrace_api_bulks')) === 0);
  });
});

describe('garbage behind a request that still waits for its answer', () => {
  it('ends the connection without a word, which would be taken for that answer', async () => {
    const intercept: Intercept = (line) => (line.startsWith('PUSH') ? '' : undefined);
    await using service = await Service.start({ faktory: { intercept } });
    const port = await listen(service);
    const bytes = `${post(`${HOST}content-length: 2\r\n`, '{}')}garbage\r\n\r\n`;
    expect(await exchange(port, bytes)).toBe('');
    expect(service.client.inFlight).toBe(1);
    await service.faktory.stop();
    await service.client.close();
  });
});

describe('garbage in a bulk whose answer has begun', () => {
  it('is not answered in the midst of it', async () => {
    await using service = await Service.start();
    const head = 'POST /jobs/bulk HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-ndjson\r\n';
    await using peer = await openPeer(await listen(service));
    peer.socket.write(`${head}transfer-encoding: chunked\r\n\r\n12\r\n{"jobtype":"add"}\n\r\n`);
    await until(() => peer.text.includes('"jid"'));
    peer.socket.write('zz\r\n');
    await until(() => peer.socket.closed);
    expect(answersIn(peer.text)).toEqual(['200']);
  });
});

describe('connections beyond the most', () => {
  it('are closed as they come, counted, and told once; those that are in stay', async () => {
    const warned: object[] = [];
    const logger = { ...SILENT, warn: (fields: object) => void warned.push(fields) };
    await using service = await Service.start({ api: { logger } });
    const port = await listen(service);
    expect(service.api.app.server.maxConnections).toBe(10_000);
    service.api.app.server.maxConnections = 2;
    await using first = await openPeer(port);
    await using second = await openPeer(port);
    for (const _ of [1, 2, 3]) {
      await using refused = await openPeer(port, '127.0.0.7');
      await until(() => refused.socket.closed);
      expect(refused.text).toBe('');
    }
    expect(warned).toEqual([{ reason: 'connections', count: 1, address: '127.0.0.7' }]);
    expect(await service.metric('millrace_api_refused_total{reason="connections"}')).toBe(3);
    for (const peer of [first, second]) {
      peer.socket.write(get('/health'));
      await until(() => answersIn(peer.text).length === 1);
    }
    first.socket.destroy();
    await until(async () => {
      await using again = await openPeer(port);
      again.socket.write(get('/health'));
      await until(() => again.socket.closed || again.text !== '');
      return again.text !== '';
    });
  });
});
