/** Who may ask: bearer tokens. */
import { hash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { TokenFailures } from './failures.ts';
import { Problem } from './problem.ts';
import type { Refusals } from './refusals.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks: stands for the token, and tells nothing of it. Undefined where none is demanded. */
    caller?: string;
  }
}

/**
 * Says whose Authorization header this is: something that stands for the token, undefined if it is none of them. Takes
 * the same time for any token, of any length.
 */
export function tokenCheck(
  tokens: readonly string[],
): (authorization: string | undefined) => string | undefined {
  const expected = tokens.map((token) => {
    const digested = digest(token);
    return { digested, caller: digested.toString('hex', 0, 16) };
  });
  return (authorization) => {
    const presented = bearerOf(authorization);
    if (presented === undefined) return undefined;
    const digested = digest(presented);
    // All are compared, whichever it is.
    return expected.filter((each) => timingSafeEqual(each.digested, digested))[0]?.caller;
  };
}

/** The token that an Authorization header brings. */
function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
}

function digest(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}

/**
 * Refuses requests without a token, and those of an address that sends wrong ones without end. The address is the
 * connection's (trustProxy is off: X-Forwarded-For is whatever the client writes into it), so behind a proxy all
 * clients are one address; failures.ts is made so that good ones among them keep it open for all.
 */
export function demandToken(app: FastifyInstance, tokens: readonly string[], refusals: Refusals): void {
  const callerOf = tokenCheck(tokens);
  const failures = new TokenFailures();
  app.decorateRequest('caller', undefined);
  app.addHook('onRequest', (request, _reply, done) => {
    const now = performance.now();
    const waitMs = failures.waitMs(request.ip, now);
    if (waitMs > 0) {
      refusals.note('tokens', request.ip);
      done(new Problem('RATE_LIMITED', { message: TOO_MANY, retryAfter: Math.ceil(waitMs / 1_000) }));
      return;
    }
    const caller = callerOf(request.headers.authorization);
    if (caller === undefined) {
      failures.failed(request.ip, now);
      done(new Problem('UNAUTHORIZED'));
      return;
    }
    failures.succeeded(request.ip, now);
    request.caller = caller;
    done();
  });
}

const TOO_MANY = 'too many wrong tokens came from this address: wait, then send the right one';
