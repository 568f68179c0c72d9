/** Who asked what, at debug level: a line a request, without anything that it carried. */

import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { isDebug, type Logger } from '../logger.ts';

const OWN_ID = /^[\w.:-]{1,128}$/;
const COUNT_TO = 2 ** 31 - 1;

/** Makes ids of requests: what the client calls it by X-Request-Id, if that is short and plain; else one of our own. */
export function requestIds(): (request: IncomingMessage) => string {
  const prefix = `${randomBytes(6).toString('base64url')}-`;
  let count = 0;
  return ({ headers }) => {
    const given = headers['x-request-id'];
    if (given !== undefined && OWN_ID.test(given as string)) return given as string;
    count = (count + 1) % COUNT_TO;
    return prefix + count.toString(36);
  };
}

/**
 * Logs each request once it is answered: method, route, status, ms, and the jid or the code that was answered; neither
 * bodies nor what stands in the URL. Where debug is off when the API is made, nothing is added to any request.
 */
export function logRequests(app: FastifyInstance, logger: Logger): void {
  if (!isDebug(logger)) return;
  const outcomes = new WeakMap<FastifyReply, Outcome>();
  app.addHook('onSend', (_request, reply, payload, done) => {
    outcomes.set(reply, outcomeOf(payload));
    done(null, payload);
  });
  app.addHook('onResponse', (request, reply, done) => {
    const fields = {
      requestId: request.id,
      method: request.method,
      route: request.routeOptions.url ?? 'none',
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
      ...outcomes.get(reply),
    };
    const isWhole = reply.raw.writableFinished;
    logger.debug(fields, isWhole ? 'request' : 'request, of which the client did not await the answer');
    done();
  });
}

interface Outcome {
  jid?: string;
  code?: string;
}

/** Longer ones are no answer about one job. */
const MAX_ANSWER = 4_096;

/** Read from the answer itself, so that no route need say it twice. */
function outcomeOf(payload: unknown): Outcome {
  if (typeof payload !== 'string' || payload.length > MAX_ANSWER || payload[0] !== '{') return {};
  try {
    const { jid, error } = JSON.parse(payload) as Outcome & { error?: Outcome };
    const found = { jid: error?.jid ?? jid, code: error?.code };
    return Object.fromEntries(
      Object.entries(found).filter(([, value]) => typeof value === 'string'),
    ) as Outcome;
  } catch {
    return {};
  }
}
