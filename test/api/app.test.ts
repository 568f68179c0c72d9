import { describe, expect, it } from 'vitest';
import { startApi } from '../../src/api/index.ts';
import { type Intercept, startEmbeddedFaktory } from '../../src/embedded/index.ts';
import { until } from '../helpers/until.ts';
import { listen, openPeer } from './raw-http.ts';
import { Service } from './service.ts';

describe('addresses and methods', () => {
  it('answers 404 for what is not there', async () => {
    await using service = await Service.start();
    for (const url of ['/', '/job', '/jobs/add/more', '/nothing?a=1']) {
      const response = await service.post(url, '{}');
      expect([response.statusCode, response.json().error.code]).toEqual([404, 'NOT_FOUND']);
    }
  });

  it('answers 405 with the methods it takes', async () => {
    await using service = await Service.start();
    const get = await service.get('/jobs/add');
    expect([get.statusCode, get.headers.allow]).toEqual([405, 'POST']);
    expect(get.json().error).toEqual({
      code: 'METHOD_NOT_ALLOWED',
      message: 'this address takes POST only',
    });
    const post = await service.post('/health', '{}');
    expect([post.statusCode, post.headers.allow]).toEqual([405, 'GET, HEAD']);
  });

  it('answers 400 for a URL that is broken', async () => {
    await using service = await Service.start();
    const response = await service.post('/jobs/%zz', '{}');
    expect([response.statusCode, response.json().error.code]).toEqual([400, 'REQUEST_INVALID']);
    const long = await service.post(`/jobs/${'a'.repeat(5_000)}`, '{}');
    expect([long.statusCode, long.json().error.code]).toEqual([414, 'URL_TOO_LONG']);
  });

  it('serves the probes and the metrics', async () => {
    await using service = await Service.start();
    expect((await service.get('/health')).json()).toEqual({ status: 'ok' });
    expect((await service.get('/ready')).json()).toEqual({ status: 'ready' });
    const metrics = await service.get('/metrics');
    expect(metrics.headers['content-type']).toContain('text/plain; version=0.0.4');
    expect(metrics.body).toContain('process_resident_memory_bytes');
  });

  it('asks Faktory once for probes that come together', async () => {
    let pings = 0;
    const intercept: Intercept = (line) => {
      if (line.startsWith('QUEUE LATENCY')) pings += 1;
      return undefined;
    };
    await using service = await Service.start({ faktory: { intercept } });
    const answers = await Promise.all(Array.from({ length: 20 }, () => service.get('/ready')));
    expect(answers.map((answer) => answer.statusCode)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(pings).toBe(1);
  });
});

describe('/ready', () => {
  it('says no when Faktory does not answer in time, and yes again when it does', async () => {
    let isSilent = false;
    const intercept: Intercept = () => (isSilent ? '' : undefined);
    await using service = await Service.start({ faktory: { intercept } });
    isSilent = true;
    const late = await service.get('/ready');
    expect([late.statusCode, late.json().error.code]).toEqual([503, 'FAKTORY_UNREACHABLE']);
    expect(late.json().error.message).toMatch(/^Faktory did not answer within [\d,]+ ms$/);
    isSilent = false;
    // What it had swallowed costs the connection.
    const { port } = service.faktory;
    await service.faktory.stop();
    await until(() => !service.client.connected);
    expect((await service.get('/ready')).json().error.message).toBe('not connected to Faktory');
    await using _again = await startEmbeddedFaktory({ port });
    await until(async () => (await service.get('/ready')).statusCode === 200);
  });
});

describe('close()', () => {
  it('answers what it took, refuses what comes after, and cuts what is half sent', async () => {
    let held = '';
    const intercept: Intercept = (line) => {
      if (!line.startsWith('PUSH')) return undefined;
      held = line;
      return '';
    };
    await using service = await Service.start({ faktory: { intercept } });
    const port = await listen(service);
    await using taken = await openPeer(port);
    await using late = await openPeer(port);
    await using halfSent = await openPeer(port);
    taken.socket.write(POST);
    halfSent.socket.write(POST.slice(0, -5));
    await until(() => held !== '');

    const closed = service.api.close();
    expect((await service.get('/ready')).statusCode).toBe(503);
    expect((await service.get('/health')).statusCode).toBe(200);
    late.socket.write(POST);
    await until(() => late.socket.closed);
    expect(late.text).toMatch(/^HTTP\/1.1 503 [\s\S]*connection: close[\s\S]*"CLOSED"/);
    expect(taken.text).toBe('');

    // Faktory comes back and takes what was on its way.
    const { port: faktoryPort } = service.faktory;
    await service.faktory.stop();
    await using again = await startEmbeddedFaktory({ port: faktoryPort });
    await closed;
    expect(taken.text).toMatch(/^HTTP\/1.1 202 /);
    expect(again.counts().enqueued).toBe(1);
    await until(() => halfSent.socket.closed);
    expect(halfSent.text).toBe('');
    await service.api.close();
  });
});

describe('startApi', () => {
  it('listens, closes twice, and leaves the client that it was given open', async () => {
    await using service = await Service.start();
    const { client } = service;
    const running = await startApi({ client, host: '127.0.0.1', port: 0, token: undefined, logger: false });
    expect(running.url).toBe(`http://127.0.0.1:${running.port}`);
    expect((await fetch(`${running.url}/jobs/add`, { method: 'POST', body: '{}' })).status).toBe(202);
    await Promise.all([running.close(), running.close()]);
    expect(await client.push({ jobtype: 'add' })).toBeTypeOf('string');
  });

  it('names the taken port and the variable', async () => {
    await using service = await Service.start();
    const { port } = service.faktory;
    const options = {
      client: service.client,
      host: '127.0.0.1',
      port,
      token: undefined,
      logger: false,
    } as const;
    await expect(startApi(options)).rejects.toMatchObject({
      code: 'PORT_TAKEN',
      message: `port ${port} of 127.0.0.1 is taken: end what listens there, or set API_PORT to another`,
    });
  });

  it('names the host that this machine does not have', async () => {
    await using service = await Service.start();
    const options = { client: service.client, port: 0, token: 'token', logger: false } as const;
    await expect(startApi({ ...options, host: '192.0.2.1' })).rejects.toThrow(
      /^API_HOST is "192.0.2.1", it takes/,
    );
  });

  it('does not listen beyond loopback without a token', async () => {
    await expect(
      startApi({ host: '0.0.0.0', port: 0, token: undefined, insecure: false, logger: false }),
    ).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

const POST = 'POST /jobs/add HTTP/1.1\r\nhost: a\r\ncontent-length: 7\r\n\r\n{"a":1}';
