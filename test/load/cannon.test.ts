import { describe, expect, it } from 'vitest';
import { fireBarrage } from '../../src/load/cannon.ts';
import { clock } from '../../src/load/clock.ts';
import { startAnswering } from './http-server.ts';

const plan = { jobtype: 'noop', flawedEvery: 10, flaws: ['malformed'] as const };

describe('a barrage', () => {
  it('sends each request once, with the token, and counts every answer, though the API closes connections', async () => {
    const got: string[] = [];
    const tokens = new Set<string | undefined>();
    await using api = await startAnswering((body, request, response) => {
      got.push(`${request.method} ${request.url}`);
      tokens.add(request.headers.authorization);
      // As Fastify does.
      if (body.endsWith('}')) response.writeHead(202).end('{}');
      else response.writeHead(400, { connection: 'close' }).end('{}');
    });
    const fired = await fireBarrage(
      {
        target: { url: api.url, token: 'secret' },
        plan,
        connections: 7,
        requests: 200,
        from: clock(),
        sliceMs: 100,
      },
      () => {},
    );
    expect(fired).toMatchObject({ sent: 200, answered: 200, byStatus: { 202: 180, 400: 20 }, errors: 0 });
    expect([got.length, new Set(got), tokens]).toEqual([
      200,
      new Set(['POST /jobs/noop']),
      new Set(['Bearer secret']),
    ]);
  });

  it('ends by time, has many on each connection, and sees Retry-After', async () => {
    await using api = await startAnswering((_body, _request, response) => {
      response.writeHead(503, { 'retry-after': '1' }).end('{}');
    });
    const order = {
      target: { url: `${api.url}/behind/` },
      plan: { jobtype: 'noop' },
      from: clock(),
      sliceMs: 100,
    };
    const fired = await fireBarrage({ ...order, connections: 2, pipelining: 5, seconds: 0.2 }, () => {});
    expect(fired.answered).toBeGreaterThan(10);
    expect(fired.byStatus).toEqual({ 503: fired.answered });
    expect(fired.retryAfters).toBeGreaterThanOrEqual(fired.answered);
    expect(fired.sent - fired.answered).toBeLessThanOrEqual(10);
  });

  it('says why there was no answer', async () => {
    const gone = await startAnswering(() => {});
    await gone[Symbol.asyncDispose]();
    const order = { target: { url: gone.url }, plan: { jobtype: 'noop' }, from: clock(), sliceMs: 100 };
    const fired = await fireBarrage({ ...order, connections: 2, requests: 20 }, () => {});
    expect(fired).toMatchObject({ answered: 0, firstError: expect.stringContaining('ECONNREFUSED') });
    expect(fired.errors).toBeGreaterThan(0);
  });
});
