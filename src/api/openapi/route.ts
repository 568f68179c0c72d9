/** GET /openapi.json: what the API takes, for programs. */
import type { FastifyInstance } from 'fastify';
import type { ApiContext } from '../context.ts';
import { openApiOf } from './document.ts';

export const OPENAPI_ROUTE = '/openapi.json';

/** Behind the token where there is one: it names every job that can be run, and what it takes. */
export function addOpenApi(
  app: FastifyInstance,
  { client, allowed, metrics }: ApiContext,
  asksForToken: boolean,
): void {
  let text: string | undefined;
  app.get(OPENAPI_ROUTE, { onResponse: metrics.timing(OPENAPI_ROUTE) }, (_request, reply) => {
    // The contract does not change while it runs. Not made at the start: few ever ask.
    text ??= JSON.stringify(openApiOf({ contract: client.contract, allowed, asksForToken }));
    return reply.type('application/json; charset=utf-8').send(text);
  });
}
