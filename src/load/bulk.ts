/** Many jobs in one request: POST /jobs/bulk, a line each, and a line back for each. */
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../errors.ts';
import { lineOf } from './body.ts';
import { basePath } from './cannon.ts';
import { clock } from './clock.ts';
import type { Bulk, Fired } from './shot.ts';
import { Tally } from './tally.ts';

const LINES_AT_ONCE = 200;
const STORED = 202;
const REFUSED = 400;

/** Resolves when the whole answer is there. What it had to say of each line counts as an answer. */
export async function fireBulk(bulk: Bulk, onCount: (answered: number) => void): Promise<Fired> {
  const { requests, from, sliceMs } = bulk;
  const tally = new Tally(from, sliceMs);
  const madeAt = new Float64Array(requests);
  let firstError: string | null = null;
  const counting = setInterval(() => onCount(tally.answered), 200);
  try {
    for await (const line of answersOf(bulk, madeAt)) {
      const { line: number, error } = JSON.parse(line) as { line?: number; error?: unknown };
      const now = clock();
      if (number !== undefined)
        tally.note(error === undefined ? STORED : REFUSED, now - madeAt[number - 1]!, now);
    }
  } catch (error) {
    firstError = messageOf(error);
  } finally {
    clearInterval(counting);
  }
  const errors = requests - tally.answered;
  const rest = { retryAfters: 0, acceptedLater: 0, endedAt: clock() };
  return { ...tally.result(), sent: requests, errors, firstError, ...rest };
}

async function* answersOf({ target, plan, requests }: Bulk, madeAt: Float64Array): AsyncGenerator<string> {
  const url = new URL(target.url);
  url.pathname = `${basePath(target.url)}/jobs/bulk`;
  const post = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
    method: 'POST',
    agent: false,
    headers: {
      'content-type': 'application/x-ndjson',
      ...(target.token === undefined ? {} : { authorization: `Bearer ${target.token}` }),
    },
  });
  const responded = new Promise<IncomingMessage>((resolve, reject) => {
    post.on('response', resolve).on('error', reject);
  });
  responded.catch(() => {});
  function* lines(): Generator<string> {
    for (let n = 0; n < requests; n += LINES_AT_ONCE) {
      let text = '';
      for (let i = n; i < Math.min(requests, n + LINES_AT_ONCE); i += 1) {
        madeAt[i] = clock();
        text += `${lineOf(plan, i, madeAt[i])}\n`;
      }
      yield text;
    }
  }
  // An API that refuses answers before it has read all: what it says is told, not the broken pipe.
  pipeline(Readable.from(lines()), post).catch(() => {});
  const response = await responded;
  if (response.statusCode !== 200) throw new Error(`POST /jobs/bulk was answered ${response.statusCode}`);
  yield* createInterface({ input: response, crlfDelay: Number.POSITIVE_INFINITY });
}
