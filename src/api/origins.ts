/** Which web pages may use the API: none but those that API_ORIGINS names, to which CORS is answered. */
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';

/** What a browser lets a page of another origin read of an answer, beside its body. */
const EXPOSED = ['retry-after', 'idempotency-replayed', 'x-request-id'];
const ALLOWED = ['authorization', 'content-type', 'idempotency-key', 'partition-key'];
const METHODS = ['GET', 'HEAD', 'POST'];
/** How long a browser may remember that it was let, in seconds: as long as Chromium does at most. */
const PREFLIGHT_AGE_S = 7_200;

/** What of a request tells that a web page sent it. */
export type PageHeaders = Pick<
  IncomingHttpHeaders,
  'origin' | 'sec-fetch-site' | 'sec-fetch-mode' | 'sec-fetch-dest'
>;

/**
 * Says whether a request is a foreign page's. Browsers name the page's origin with every POST, and no other client
 * does; our own page, /docs, only gets. So any origin that is not named is a foreign one, even if it is the same as
 * our address: a host name of an attacker's may point at us.
 */
export function crossSiteRule(
  origins: readonly string[],
): (headers: PageHeaders, method: string | undefined) => boolean {
  const named = new Set(origins.map((origin) => origin.toLowerCase()));
  return (headers, method) => {
    if (headers.origin !== undefined) return !named.has(headers.origin);
    const site = headers['sec-fetch-site'];
    if (site === undefined || site === 'none' || site === 'same-origin') return false;
    return !isNavigation(headers, method);
  };
}

/** A person follows a link to a page of ours: a GET changes nothing, and the page that has the link cannot read it. */
function isNavigation(headers: PageHeaders, method: string | undefined): boolean {
  return (
    (method === 'GET' || method === 'HEAD') &&
    headers['sec-fetch-mode'] === 'navigate' &&
    headers['sec-fetch-dest'] === 'document'
  );
}

/** Has `app` answer the pages of `origins` as browsers want it. Preflights bring no token and need none. */
export function addCors(app: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return;
  const cors = {
    origin: [...origins],
    methods: METHODS,
    allowedHeaders: ALLOWED,
    exposedHeaders: EXPOSED,
    // A token is sent by the page's own code. Cookies are no business of ours.
    credentials: false,
    maxAge: PREFLIGHT_AGE_S,
  };
  const delegator = (
    request: FastifyRequest,
    decide: (error: Error | null, options: typeof cors | { origin: false }) => void,
  ): void => decide(null, wantsCors(request) ? cors : { origin: false });
  app.register(import('@fastify/cors'), { delegator });
}

/** An OPTIONS that is no preflight is answered as any other method that is not taken. */
function wantsCors({ method, headers }: FastifyRequest): boolean {
  if (headers.origin === undefined) return false;
  return method !== 'OPTIONS' || headers['access-control-request-method'] !== undefined;
}
