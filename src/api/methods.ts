import { METHODS } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { Problem, sendProblem } from './problem.ts';

/** Has the router know every method that Node reads, so that each is answered 405 where a GET or POST would be. */
export function knowAllMethods(app: FastifyInstance): void {
  const known = new Set(app.supportedMethods);
  // Node does not call CONNECT a request (limits.ts answers it).
  for (const method of METHODS) if (!known.has(method) && method !== 'CONNECT') app.addHttpMethod(method);
}

/** Answers 405 to every method of `url` but those it takes, before any body is read. */
export function refuseOtherMethods(app: FastifyInstance, url: string, taken: readonly string[]): void {
  const method = app.supportedMethods.filter((each) => !taken.includes(each));
  app.route({
    method,
    url,
    onRequest: async (_request, reply) => {
      reply.header('allow', taken.join(', '));
      const message = `this address takes ${taken.join(' and ')} only`;
      return sendProblem(reply, new Problem('METHOD_NOT_ALLOWED', { message }));
    },
    handler: () => {},
  });
}
