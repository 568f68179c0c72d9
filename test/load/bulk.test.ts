import { describe, expect, it } from 'vitest';
import { fireBulk } from '../../src/load/bulk.ts';
import { clock } from '../../src/load/clock.ts';
import { startAnswering } from './http-server.ts';

const plan = { jobtype: 'noop', flawedEvery: 100, flaws: ['malformed'] as const };
const bulkTo = (url: string) => ({
  target: { url, token: 'secret' },
  plan,
  requests: 1_000,
  from: clock(),
  sliceMs: 100,
});

function isJson(line: string): boolean {
  try {
    return (JSON.parse(line) as { jobtype?: string }).jobtype === 'noop';
  } catch {
    return false;
  }
}

describe('a bulk', () => {
  it('is one request with a line a job, and counts what is said of each', async () => {
    const asked: (string | undefined)[] = [];
    await using api = await startAnswering((body, { url, headers }, response) => {
      asked.push(url, headers['content-type'], headers.authorization);
      const lines = body.trimEnd().split('\n');
      const answers = lines.map((line, i) =>
        JSON.stringify({
          line: i + 1,
          ...(isJson(line) ? { jid: 'x' } : { error: { code: 'BODY_INVALID' } }),
        }),
      );
      response.end(`${[...answers, '{"stored":990,"failed":10}'].join('\n')}\n`);
    });
    const fired = await fireBulk(bulkTo(`${api.url}/behind`), () => {});
    expect(fired).toMatchObject({ sent: 1_000, answered: 1_000, byStatus: { 202: 990, 400: 10 }, errors: 0 });
    expect(asked).toEqual(['/behind/jobs/bulk', 'application/x-ndjson', 'Bearer secret']);
    expect(fired.latency?.p50).toBeGreaterThan(0);
  });

  it.each<[string, number, string, number, RegExp | null]>([
    ['is refused', 404, '{}', 0, /POST \/jobs\/bulk was answered 404/],
    ['ends too early', 200, '{"line":1,"jid":"x"}\n', 1, null],
    ['is cut within a line', 200, '{"line":1,"jid":"x"}\n{"li', 1, /./],
  ])('misses what is not answered when it %s', async (_how, status, text, answered, why) => {
    await using api = await startAnswering((_body, _request, response) => {
      response.writeHead(status).end(text);
    });
    const fired = await fireBulk(bulkTo(api.url), () => {});
    expect([fired.answered, fired.errors]).toEqual([answered, 1_000 - answered]);
    if (why === null) expect(fired.firstError).toBeNull();
    else expect(fired.firstError).toMatch(why);
  });
});
