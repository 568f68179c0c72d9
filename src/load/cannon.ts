/** A barrage, by autocannon. */
import type { Client, Options } from 'autocannon';
import { messageOf } from '../errors.ts';
import { bodyOf, pathOf } from './body.ts';
import { clock } from './clock.ts';
import type { Barrage, Fired } from './shot.ts';
import { Tally } from './tally.ts';

/** How often autocannon looks whether it is over. */
const LOOK_EVERY_MS = 50;
const ANSWER_LIMIT_S = 30;
/** So many requests without an answer, and there is nothing to load. */
const MOST_ERRORS = 2_000;

/** Resolves when all are answered, or the time is over. `onCount` is told how many were, now and then. */
export async function fireBarrage(barrage: Barrage, onCount: (answered: number) => void): Promise<Fired> {
  const { target, plan, connections, pipelining = 1, requests, seconds, from, sliceMs } = barrage;
  const { default: autocannon } = await import('autocannon');
  const tally = new Tally(from, sliceMs);
  let sent = 0;
  let retryAfters = 0;
  let firstError: string | null = null;
  const options: Options = {
    url: target.url,
    connections: Math.min(connections, requests ?? connections),
    pipelining,
    ...(requests === undefined ? { duration: seconds ?? 1 } : { amount: requests }),
    timeout: ANSWER_LIMIT_S,
    bailout: MOST_ERRORS,
    sampleInt: LOOK_EVERY_MS,
    headers: {
      'content-type': 'application/json',
      ...(target.token === undefined ? {} : { authorization: `Bearer ${target.token}` }),
    },
    requests: [
      {
        method: 'POST',
        path: basePath(target.url) + pathOf(plan),
        setupRequest: (request) => {
          const body = bodyOf(plan, sent);
          sent += 1;
          return { ...request, body };
        },
      },
    ],
    setupClient: (client) => {
      const inner = client as unknown as Inner;
      inner.on('headers', (head) => {
        if (head.statusCode === 503 && headerOf(head.headers, 'retry-after') !== undefined) retryAfters += 1;
      });
      respectClose(inner);
    },
  };
  const counting = setInterval(() => onCount(tally.answered), 200);
  try {
    const result = await new Promise<{ errors: number }>((resolve, reject) => {
      const instance = autocannon(options, (error: Error | null, done) =>
        error ? reject(error) : resolve(done),
      );
      instance.on('response', (_client: Client, status: number, _bytes: number, ms: number) =>
        tally.note(status, ms, clock()),
      );
      instance.on('reqError', (error: unknown) => {
        firstError ??= messageOf(error);
      });
    });
    const endedAt = clock();
    const { errors } = result;
    return { ...tally.result(), sent, errors, firstError, retryAfters, acceptedLater: 0, endedAt };
  } finally {
    clearInterval(counting);
  }
}

/** Of autocannon's client, what its types do not tell. */
interface Inner {
  on(event: 'headers', listener: (head: { statusCode: number; headers: string[] }) => void): void;
  _doRequest(): void;
  _resetConnection(): void;
}

/**
 * autocannon sends its next request on a connection that the answer before said is closed: nobody reads it, and nobody
 * counts it. Here it goes over a new connection.
 */
function respectClose(client: Inner): void {
  let closes = false;
  client.on('headers', ({ headers }) => {
    closes = headerOf(headers, 'connection')?.toLowerCase() === 'close';
  });
  const send = client._doRequest.bind(client);
  client._doRequest = () => {
    if (!closes) return send();
    closes = false;
    client._resetConnection();
  };
}

/** Of names and values by turns. */
function headerOf(headers: readonly string[], name: string): string | undefined {
  const at = headers.findIndex((each, i) => i % 2 === 0 && each.toLowerCase() === name);
  return at === -1 ? undefined : headers[at + 1];
}

/** An API may stand behind a prefix. */
export function basePath(url: string): string {
  return new URL(url).pathname.replace(/\/+$/, '');
}
