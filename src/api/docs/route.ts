/** GET /docs: what the API takes, for people. */
import type { FastifyInstance } from 'fastify';
import type { ApiContext } from '../context.ts';
import { openApiOf } from '../openapi/document.ts';
import type { OpenApi } from '../openapi/types.ts';
import { docsPage, POLICY } from './page.ts';

export const DOCS_ROUTE = '/docs';

/** What neither a shell nor HTML reads otherwise: a name, or an address, and a port. */
const PLAIN_HOST = /^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i;

/** Behind the token where there is one, as /openapi.json is; saved by curl, it is a file that any browser shows. */
export function addDocs(
  app: FastifyInstance,
  { client, allowed, metrics }: ApiContext,
  asksForToken: boolean,
): void {
  let document: OpenApi | undefined;
  app.get(DOCS_ROUTE, { onResponse: metrics.timing(DOCS_ROUTE) }, ({ headers, raw }, reply) => {
    document ??= openApiOf({ contract: client.contract, allowed, asksForToken });
    const url = `http://${hostOf(headers.host) ?? addressOf(raw.socket)}`;
    return reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', POLICY)
      .header('referrer-policy', 'no-referrer')
      .header('x-frame-options', 'DENY')
      .header('cross-origin-opener-policy', 'same-origin')
      .send(docsPage(document, { url, asksForToken }));
  });
}

/** The name by which the reader reached it, so that the commands work for the reader; undefined where it is not plain. */
export function hostOf(header: string | undefined): string | undefined {
  return header !== undefined && PLAIN_HOST.test(header) ? header : undefined;
}

interface Local {
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
}

/** Where the request came in. */
function addressOf({ localAddress = '127.0.0.1', localPort = 80 }: Local): string {
  return `${localAddress.includes(':') ? `[${localAddress}]` : localAddress}:${localPort}`;
}
