/** Row 3: POST /jobs/bulk with NDJSON, beside PUSHBs that were made beforehand and written to one plain socket. */
import { request } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { LeftOut } from '../../peers.ts';
import { perSecond, pushPlain } from '../../plain-push.ts';
import { startFaktory } from '../../stage.ts';
import type { HttpRow } from '../row.ts';
import { Server, TOKEN } from '../serve.ts';

const JOBS = { real: 50_000, embedded: 200_000 } as const;
const LINES_AT_ONCE = 500;
const TARGETS = { real: ['0.9', ''], embedded: ['', '100,000'] } as const;

export const bulk: HttpRow = {
  ids: ['3'],
  async measure({ note, faktoryVersion }) {
    for (const kind of ['embedded', 'real'] as const) {
      await using faktory = await startFaktory(kind, faktoryVersion);
      const jobs = JOBS[kind];
      const plain = await pushPlain(faktory, jobs);
      await using server = await Server.start('millrace', faktory.url);
      await postBulk(server.url, jobs / 10);
      const before = await server.program.ask<number>('memory');
      const rate = await postBulk(server.url, jobs);
      const more = (await server.program.ask<number>('memory')) - before;
      const line = (what: string, target = '', digits = 0) => ({
        row: '3',
        what: `${kind}: ${what}`,
        target,
        digits,
      });
      const [ratio, absolute] = TARGETS[kind];
      note(line('PUSHB alone, jobs/s'), plain);
      note(line(`a bulk of ${jobs} lines, jobs/s`, absolute), rate);
      note(line('bulk ÷ PUSHB alone', ratio, 2), rate / plain);
      note(line('memory more than before, MB', 'flat', 1), more / 1e6);
    }
  },
};

/** One request; only what failed is told, and how many are stored. */
async function postBulk(url: string, jobs: number): Promise<number> {
  const startedAt = performance.now();
  const post = request(`${url}/jobs/bulk?outcomes=failed`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson', authorization: `Bearer ${TOKEN}` },
  });
  const answered = new Promise<string>((resolve, reject) => {
    post.on('error', reject).on('response', async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      if (response.statusCode === 404) reject(new LeftOut('this API has no POST /jobs/bulk'));
      else resolve(text);
    });
  });
  answered.catch(() => {});
  await pipeline(Readable.from(linesOf(jobs)), post).catch(() => {});
  const summary = (await answered).trim().split('\n').at(-1) ?? '';
  const rate = perSecond(jobs, startedAt);
  const { stored } = JSON.parse(summary) as { stored?: number };
  if (stored !== jobs) throw new Error(`${stored} of ${jobs} jobs of a bulk were stored: ${summary}`);
  return rate;
}

function* linesOf(jobs: number): Generator<string> {
  for (let at = 0; at < jobs; at += LINES_AT_ONCE) {
    const count = Math.min(LINES_AT_ONCE, jobs - at);
    yield Array.from({ length: count }, (_, i) => `{"jobtype":"noop","args":[${at + i}]}\n`).join('');
  }
}
