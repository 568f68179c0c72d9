/** What each request passes before anyone looks at what it wants. */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { awaitBody } from './arrivals.ts';
import { hostRule } from './hosts.ts';
import type { Rules } from './options.ts';
import { crossSiteRule } from './origins.ts';
import { Problem } from './problem.ts';

/** More than any client sends; Node would drop the 2,001st without a word. */
const MOST_HEADERS = 200;

/** Adds the first hook: it must stand before all others. */
export function addGate(app: FastifyInstance, rules: Rules): void {
  const refuse = refusal(rules);
  app.addHook('onRequest', (request, reply, done) => {
    // Every body is JSON here: Fastify need not look at, nor refuse, what the content type says.
    request.raw.headers['content-type'] = undefined;
    awaitBody(request, reply);
    markAnswer(request, reply);
    const code = refuse(request.raw);
    if (code === undefined) {
      done();
      return;
    }
    // What else such a connection brings may be anyone's.
    if (ENDS_CONNECTION.has(code)) reply.header('connection', 'close');
    done(new Problem(code));
  });
}

/**
 * What every answer says. A route may say otherwise of its own. Only what a GET brings may be kept by a cache, or be
 * taken by a page for a script or a style, so the answers to pushes go without those words: each costs them a percent.
 */
export function markAnswer({ method, id }: FastifyRequest, reply: FastifyReply): void {
  reply.header('x-request-id', id);
  if (method === 'POST') return;
  reply.header('x-content-type-options', 'nosniff');
  reply.header('cache-control', 'no-store');
}

type Refused = 'HEADERS_TOO_LARGE' | 'REQUEST_INVALID' | 'CROSS_SITE' | 'HOST_UNKNOWN';

const ENDS_CONNECTION = new Set<Refused>(['HEADERS_TOO_LARGE', 'REQUEST_INVALID']);

/** Says why a request is refused, if it is. */
export function refusal({ origins, hosts, tokens }: Pick<Rules, 'origins' | 'hosts' | 'tokens'>) {
  const isCrossSite = crossSiteRule(origins);
  const isKnownHost = hostRule(hosts);
  // The page of another name has no token to send, so where one is demanded any name will do.
  const checksHost = tokens.length === 0;
  return (request: IncomingMessage): Refused | undefined => {
    const { headers, rawHeaders, httpVersion, method } = request;
    if (rawHeaders.length > MOST_HEADERS * 2) return 'HEADERS_TOO_LARGE';
    const named = countHosts(rawHeaders);
    // HTTP/1.0 may do without, as probes of load balancers do; a browser never does.
    if (named > 1 || (named === 0 && httpVersion !== '1.0')) return 'REQUEST_INVALID';
    // Node takes "identity, chunked" too; what stands before us may not, and then disagrees on where the body ends.
    const coding = headers['transfer-encoding'];
    if (coding !== undefined && coding.toLowerCase() !== 'chunked') return 'REQUEST_INVALID';
    if (isCrossSite(headers, method)) return 'CROSS_SITE';
    if (checksHost && headers.host !== undefined && !isKnownHost(headers.host)) return 'HOST_UNKNOWN';
    return undefined;
  };
}

/** Node keeps the first; what stands before us may have looked at the second. */
function countHosts(rawHeaders: readonly string[]): number {
  let count = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length === 4 && name.toLowerCase() === 'host') count += 1;
  }
  return count;
}
