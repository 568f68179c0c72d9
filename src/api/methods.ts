import type { FastifyInstance } from 'fastify';
import { Problem, sendProblem } from './problem.ts';

/** Answers 405 to every method of `url` but those it takes, before any body is read. */
export function refuseOtherMethods(app: FastifyInstance, url: string, taken: readonly string[]): void {
  const method = app.supportedMethods.filter((each) => !taken.includes(each));
  app.route({
    method,
    url,
    onRequest: async (_request, reply) => {
      reply.header('allow', taken.join(', '));
      return sendProblem(reply, new Problem('METHOD_NOT_ALLOWED'));
    },
    handler: () => {},
  });
}
