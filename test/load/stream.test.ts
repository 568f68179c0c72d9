import { describe, expect, it } from 'vitest';
import { clock } from '../../src/load/clock.ts';
import type { Stream } from '../../src/load/shot.ts';
import { fireStream } from '../../src/load/stream.ts';
import { startAnswering } from './http-server.ts';

const streamTo = (url: string): Stream => ({
  target: { url, token: 'secret' },
  plan: { jobtype: 'noop', queue: 'q' },
  perSecond: 200,
  seconds: 0.2,
  from: clock(),
  sliceMs: 100,
});

describe('a stream', () => {
  it('sends as many as are due, whether those before are answered or not', async () => {
    const waiting: (() => void)[] = [];
    await using api = await startAnswering((_body, { url, headers }, response) => {
      const isRight = url === '/jobs' && headers.authorization === 'Bearer secret';
      waiting.push(() => response.writeHead(isRight ? 202 : 500).end('{}'));
      // Nobody is answered before all have asked.
      if (waiting.length === 40) for (const answer of waiting) answer();
    });
    const fired = await fireStream(streamTo(api.url), () => {});
    expect(fired).toMatchObject({ sent: 40, answered: 40, byStatus: { 202: 40 }, errors: 0 });
    // Its time counts from when it was due.
    expect(fired.latency?.most).toBeGreaterThan(100);
  });

  it('comes again after Retry-After where it is to', async () => {
    const asked = new Map<string, number>();
    await using api = await startAnswering((body, _request, response) => {
      const times = (asked.get(body) ?? 0) + 1;
      asked.set(body, times);
      if (times === 1) response.writeHead(503, { 'retry-after': '0' }).end('{}');
      else response.writeHead(202).end('{}');
    });
    const polite = await fireStream({ ...streamTo(api.url), obeysRetryAfter: true }, () => {});
    expect(polite).toMatchObject({ sent: 40, answered: 40, byStatus: { 202: 40 }, acceptedLater: 40 });
    expect(polite.retryAfters).toBe(40);
    asked.clear();
    const rude = await fireStream(streamTo(api.url), () => {});
    expect(rude).toMatchObject({ byStatus: { 503: 40 }, acceptedLater: 0 });
  });

  it('counts what got no answer, and ends when it is told to', async () => {
    await using api = await startAnswering((_body, { socket }) => socket.destroy());
    expect(await fireStream(streamTo(api.url), () => {})).toMatchObject({
      ...{ sent: 40, answered: 0, errors: 40 },
      firstError: expect.stringMatching(/./),
    });
    const ended = await fireStream({ ...streamTo(api.url), seconds: 3_600 }, () => {}, AbortSignal.abort());
    expect(ended.sent).toBe(0);
  });
});
