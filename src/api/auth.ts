/** Who may ask: the bearer token, and no web page of another site. */
import { hash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';

/** Says whether an Authorization header holds one of the tokens. Takes the same time for any token, of any length. */
export function tokenCheck(tokens: readonly string[]): (authorization: string | undefined) => boolean {
  const expected = tokens.map(digest);
  return (authorization) => {
    const presented = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
    if (presented === undefined) return false;
    const digested = digest(presented);
    // All are compared, whichever it is.
    return expected.filter((each) => timingSafeEqual(each, digested)).length > 0;
  };
}

function digest(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}

/**
 * Whether a web page sent this. Browsers name the page's origin with every POST, and no other client does; there
 * is no page of our own, so any origin is a foreign one (a page's host name may even point at our address).
 */
export function isCrossSite({ headers }: FastifyRequest): boolean {
  if (headers.origin !== undefined) return true;
  const site = headers['sec-fetch-site'];
  return site !== undefined && site !== 'none' && site !== 'same-origin';
}
