/**
 * A stream: so many requests a second, each at its time whether those before it are answered or not. How long one took
 * counts from when it was due, so a server that stalls cannot hide it by not being asked.
 */
import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { messageOf } from '../errors.ts';
import { bodyOf, pathOf } from './body.ts';
import { basePath } from './cannon.ts';
import { clock } from './clock.ts';
import type { Fired, Stream, Target } from './shot.ts';
import { isAccepted, Tally } from './tally.ts';

const TICK_MS = 1;
const ANSWER_LIMIT_MS = 30_000;
const MOST_TRIES = 10;

interface Answer {
  readonly status: number;
  /** In seconds, where it says so. */
  readonly retryAfter: number | undefined;
}

/** Resolves when all are answered. `stop` ends it sooner. */
export async function fireStream(
  stream: Stream,
  onCount: (answered: number) => void,
  stop?: AbortSignal,
): Promise<Fired> {
  const { plan, perSecond, seconds, from, sliceMs } = stream;
  using poster = new Poster(stream.target, pathOf(plan));
  const tally = new Tally(from, sliceMs);
  const counts = { sent: 0, errors: 0, retryAfters: 0, acceptedLater: 0 };
  let firstError: string | null = null;
  const all = Math.round(perSecond * seconds);

  const send = async (n: number, dueAt: number): Promise<void> => {
    try {
      for (let tries = 1; ; tries += 1) {
        const answer = await poster.post(bodyOf(plan, n, dueAt));
        const answeredAt = clock();
        if (answer.status === 503 && answer.retryAfter !== undefined) counts.retryAfters += 1;
        const comesAgain = stream.obeysRetryAfter && answer.retryAfter !== undefined && tries < MOST_TRIES;
        if (isAccepted(answer.status) || !comesAgain) {
          tally.note(answer.status, answeredAt - dueAt, answeredAt);
          if (isAccepted(answer.status) && tries > 1) counts.acceptedLater += 1;
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, answer.retryAfter! * 1_000));
      }
    } catch (error) {
      counts.errors += 1;
      firstError ??= messageOf(error);
    }
  };

  const startedAt = clock();
  const underWay = new Set<Promise<void>>();
  const counting = setInterval(() => onCount(tally.answered), 200);
  try {
    while (counts.sent < all && !stop?.aborted) {
      const due = Math.min(all, Math.floor(((clock() - startedAt) / 1_000) * perSecond) + 1);
      for (; counts.sent < due; counts.sent += 1) {
        const one = send(counts.sent, startedAt + (counts.sent / perSecond) * 1_000);
        underWay.add(one);
        void one.finally(() => underWay.delete(one));
      }
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
    await Promise.all(underWay);
  } finally {
    clearInterval(counting);
  }
  return { ...tally.result(), ...counts, firstError, endedAt: clock() };
}

/** Posts to one address over connections that it keeps. TLS is verified. */
export class Poster implements Disposable {
  readonly #url: URL;
  readonly #headers: Record<string, string>;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #request: typeof requestHttp;

  constructor({ url, token }: Target, path: string) {
    this.#url = new URL(url);
    this.#url.pathname = basePath(url) + path;
    this.#headers = {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    const isTls = this.#url.protocol === 'https:';
    this.#agent = isTls ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
    this.#request = isTls ? requestHttps : requestHttp;
  }

  post(body: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = this.#request(this.#url, {
        method: 'POST',
        agent: this.#agent,
        headers: { ...this.#headers, 'content-length': Buffer.byteLength(body) },
        timeout: ANSWER_LIMIT_MS,
      });
      request.on('timeout', () => request.destroy(new Error('no answer within 30 s')));
      request.on('error', reject);
      request.on('response', (response: IncomingMessage) => {
        response.on('error', reject).resume();
        response.on('end', () => {
          const retryAfter = Number(response.headers['retry-after'] ?? Number.NaN);
          const status = response.statusCode ?? 0;
          resolve({ status, retryAfter: Number.isFinite(retryAfter) ? retryAfter : undefined });
        });
      });
      request.end(body);
    });
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}
