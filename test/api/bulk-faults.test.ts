import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { defineJobs } from '../../src/contract/contract.ts';
import type { Intercept } from '../../src/embedded/index.ts';
import { SILENT } from '../../src/logger.ts';
import { until } from '../helpers/until.ts';
import { Service, type ServiceOptions } from './service.ts';

/** PUSHBs are neither run nor answered, from the given moment on. */
function swallowing(): { intercept: Intercept; begin(): void } {
  let isOn = false;
  return {
    intercept: (line) => (isOn && line.startsWith('PUSH') ? '' : undefined),
    begin: () => {
      isOn = true;
    },
  };
}

/** A bulk whose body is sent piece by piece over a real socket, and whose answer is read only when asked for. */
class Upload implements AsyncDisposable {
  readonly request: ClientRequest;
  response: IncomingMessage | undefined;
  text = '';
  ended = false;
  closed = false;

  constructor(port: number, { query = '', reads = true } = {}) {
    this.request = request({
      port,
      host: '127.0.0.1',
      method: 'POST',
      path: `/jobs/bulk${query}`,
      agent: false,
    });
    this.request.on('error', () => {});
    this.request.on('close', () => {
      this.closed = true;
    });
    this.request.on('response', (response) => {
      this.response = response;
      response.on('error', () => {});
      response.on('end', () => {
        this.ended = true;
      });
      if (reads) this.read();
      else response.pause();
    });
  }

  static async start(service: Service, options?: { query?: string; reads?: boolean }): Promise<Upload> {
    const { app } = service.api;
    if (!app.server.listening) await app.listen({ port: 0, host: '127.0.0.1' });
    return new Upload((app.server.address() as AddressInfo).port, options);
  }

  jobs(from: number, to: number): void {
    for (let n = from; n <= to; n += 1) this.request.write(`{"jobtype":"a","args":[${n}]}\n`);
  }

  read(): void {
    const add = (text: string): void => {
      this.text += text;
    };
    this.response!.setEncoding('utf8').on('data', add).resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.request.destroy();
    await until(() => this.closed);
  }

  get lines(): Record<string, unknown>[] {
    return this.text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  }
}

async function start(options: ServiceOptions = {}): Promise<Service> {
  return Service.start(options);
}

/** What the looks, one a second, are made by. Real time must not pass for a test. */
function holdLooks(): void {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
}

afterEach(() => {
  vi.useRealTimers();
});

describe('a bulk in trouble', () => {
  it('tells outcomes while the body still comes', async () => {
    await using service = await start();
    await using upload = await Upload.start(service);
    upload.jobs(1, 2);
    await until(() => upload.lines.length === 2);
    expect(upload.response!.statusCode).toBe(200);
    upload.jobs(3, 3);
    await until(() => upload.lines.length === 3);
    upload.request.end();
    await until(() => upload.ended);
    expect(upload.lines.at(-1)).toEqual({ stored: 3, failed: 0 });
  });

  it('loses nothing to others that are open and send nothing', async () => {
    const faktory = swallowing();
    await using service = await start({
      client: { maxInFlight: 64 },
      faktory: { intercept: faktory.intercept },
    });
    await service.api.app.listen({ port: 0, host: '127.0.0.1' });
    const idle = await Promise.all(Array.from({ length: 31 }, () => Upload.start(service)));
    for (const upload of idle) upload.jobs(1, 1);
    await until(() => idle.every((upload) => upload.lines.length === 1));
    faktory.begin();
    await using working = await Upload.start(service);
    working.jobs(1, 100);
    await until(() => service.client.inFlight === 32);
    for (const upload of idle) upload.request.destroy();
    await service.faktory.stop();
    await service.client.close();
  });

  it('lets others have their turn while it works on much that came at once', async () => {
    let turn = 0;
    const seen = new Set<number>();
    const validate = (value: unknown) => {
      seen.add(turn);
      return { value: value as unknown[] };
    };
    const args = { '~standard': { version: 1, vendor: 'test', validate } } as const;
    await using service = await start({ client: { contract: defineJobs({ a: { args } }) } });
    let now = performance.now();
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => {
      now += 1;
      return now;
    });
    let counting = setImmediate(function count() {
      turn += 1;
      counting = setImmediate(count);
    });
    const { body } = await service.post('/jobs/bulk', '{"jobtype":"a"}\n'.repeat(100));
    clearImmediate(counting);
    clock.mockRestore();
    expect(JSON.parse(body.trimEnd().split('\n').at(-1)!)).toEqual({ stored: 100, failed: 0 });
    expect(seen.size).toBeGreaterThan(5);
  });

  it('pushes what it took of a client that hangs up, not the line that was cut, and holds nothing', async () => {
    await using service = await start();
    await using upload = await Upload.start(service);
    upload.jobs(1, 5);
    upload.request.write('{"jobtype":"a"}');
    await until(() => upload.lines.length === 5);
    upload.request.destroy();
    await untilBulks(service, 0);
    expect(service.faktory.counts().queues).toEqual({ default: 5 });
    expect(service.client.inFlight).toBe(0);
  });

  it('waits for what it took of a client that hung up before it was stored', async () => {
    let open: ((fits: boolean) => void) | undefined;
    const gate = new Promise<boolean>((resolve) => {
      open = resolve;
    });
    let checked = 0;
    const args = z.tuple([
      z.number().refine(() => {
        checked += 1;
        return gate;
      }),
    ]);
    await using service = await start({ client: { contract: defineJobs({ a: { args } }) } });
    await using upload = await Upload.start(service);
    upload.jobs(1, 3);
    await until(() => checked >= 3);
    upload.request.destroy();
    await until(() => upload.closed);
    await untilBulks(service, 1);
    open!(true);
    await untilBulks(service, 0);
    expect(service.faktory.counts().queues).toEqual({ default: 3 });
    expect(await service.metric('millrace_api_jobs_total{outcome="stored"}')).toBe(3);
  });

  it('tells where it stopped when Faktory goes away, and what became of each that it took', async () => {
    const faktory = swallowing();
    await using service = await start({
      client: { deliveryTimeoutMs: 1 },
      faktory: { intercept: faktory.intercept },
    });
    await using upload = await Upload.start(service);
    upload.jobs(1, 2);
    await until(() => upload.lines.length === 2);
    faktory.begin();
    upload.jobs(3, 4);
    await until(() => service.client.inFlight === 2);
    await service.faktory.stop();
    await until(() => upload.ended);
    const [, , third, fourth, sums] = upload.lines;
    for (const [line, told] of [
      [3, third],
      [4, fourth],
    ])
      expect(told).toEqual({
        line,
        error: { code: 'DELIVERY_UNKNOWN', message: expect.any(String), jid: expect.any(String) },
      });
    expect(sums).toEqual({
      stored: 2,
      failed: 2,
      stoppedAt: 5,
      error: { code: 'FAKTORY_UNREACHABLE', message: expect.stringContaining('send what follows again') },
    });
    expect(await service.metric('millrace_api_jobs_total{outcome="unknown"}')).toBe(2);
  });

  it('stops when Faktory stays away while nothing is on its way', async () => {
    holdLooks();
    await using service = await start();
    await using upload = await Upload.start(service);
    upload.jobs(1, 1);
    await until(() => upload.lines.length === 1);
    await service.faktory.stop();
    await until(() => !service.client.connected);
    upload.jobs(2, 3);
    vi.advanceTimersByTime(11_000);
    await until(() => upload.ended);
    expect(upload.lines.at(-1)).toMatchObject({
      stored: 1,
      failed: 0,
      stoppedAt: 2,
      error: { code: 'FAKTORY_UNREACHABLE' },
    });
  });

  it('stops reading when the API shuts down, settles what it took, and tells where it stopped', async () => {
    await using service = await start();
    await using upload = await Upload.start(service);
    upload.jobs(1, 4);
    await until(() => upload.lines.length === 4);
    const closing = service.api.close();
    upload.jobs(5, 6);
    await until(() => upload.ended);
    expect(upload.lines.at(-1)).toMatchObject({
      stored: 4,
      failed: 0,
      stoppedAt: 5,
      error: { code: 'CLOSED' },
    });
    await closing;
    expect(service.faktory.counts().queues).toEqual({ default: 4 });
  });

  it('answers 408 when nothing comes for 30 s', async () => {
    holdLooks();
    await using service = await start();
    await using upload = await Upload.start(service);
    upload.request.write(' ');
    await untilBulks(service, 1);
    vi.advanceTimersByTime(29_000);
    upload.request.write(' ');
    await untilBulks(service, 1);
    vi.advanceTimersByTime(40_000);
    await until(() => upload.ended);
    expect(upload.response!.statusCode).toBe(408);
    expect(JSON.parse(upload.text).error.code).toBe('REQUEST_TIMEOUT');
  });

  it('says so at the end of the answer where that has begun', async () => {
    holdLooks();
    await using service = await start();
    await using upload = await Upload.start(service);
    upload.jobs(1, 2);
    await until(() => upload.lines.length === 2);
    vi.advanceTimersByTime(40_000);
    await until(() => upload.ended);
    expect(upload.lines.at(-1)).toMatchObject({
      stored: 2,
      stoppedAt: 3,
      error: { code: 'REQUEST_TIMEOUT' },
    });
  });

  // What is told of each has some 5,000 bytes: all fill what the sockets and the API hold of an answer.
  const BAD_LINES = 10_000;
  const BAD_LINE = `{${Array.from({ length: 20 }, (_, n) => `"x${n}":1`).join(',')}}\n`;

  it('holds back a client that does not read, and at last throws away what it sends, so that it can', async () => {
    holdLooks();
    await using service = await start();
    await using upload = await Upload.start(service, { reads: false });
    upload.request.write(BAD_LINE.repeat(BAD_LINES));
    await until(() => upload.response !== undefined);
    await untilFailuresStand(service);
    const taken = await failuresOf(service);
    expect(taken).toBeLessThan(BAD_LINES);
    vi.advanceTimersByTime(31_000);
    upload.request.end(BAD_LINE.repeat(10));
    await once(upload.request, 'finish');
    upload.read();
    await until(() => upload.ended, {
      what: () => `the end, after ${upload.text.length} of ${taken}: ${upload.text.slice(-300)}`,
    });
    const sums = upload.lines.at(-1)!;
    expect(sums).toMatchObject({ stored: 0, error: { code: 'REQUEST_TIMEOUT' } });
    expect(sums.stoppedAt).toBe((sums.failed as number) + 1);
    expect(upload.lines.length).toBe((sums.failed as number) + 1);
  });

  it('cuts a client that then reads nothing either, with one line in the log', async () => {
    holdLooks();
    const warnings: string[] = [];
    const logger = { ...SILENT, warn: (_fields: object, text: string) => void warnings.push(text) };
    await using service = await start({ api: { logger } });
    await using upload = await Upload.start(service, { reads: false });
    upload.request.end(BAD_LINE.repeat(BAD_LINES));
    await until(() => upload.response !== undefined);
    await untilFailuresStand(service);
    vi.advanceTimersByTime(31_000);
    await untilFailuresStand(service);
    vi.advanceTimersByTime(62_000);
    await untilBulks(service, 0);
    expect(warnings).toEqual(['a bulk was cut: its client read nothing of the answer for 30 s']);
  });
});

async function untilBulks(service: Service, count: number): Promise<void> {
  await until(async () => (await service.metric('millrace_api_bulks')) === count);
}

const failuresOf = (service: Service): Promise<number> =>
  service.metric('millrace_api_jobs_total{outcome="invalid"}');

/** Until no more are told than when it was looked at before. */
async function untilFailuresStand(service: Service): Promise<void> {
  let before = -1;
  await until(
    async () => {
      const now = await failuresOf(service);
      const stands = now === before && now > 0;
      before = now;
      return stands;
    },
    { everyMs: 100 },
  );
}
