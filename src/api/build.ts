/** The service put together: what every request passes, in its order, and the routes. */
import Fastify, { type FastifyInstance } from 'fastify';
import { limitArrivals } from './arrivals.ts';
import { demandToken } from './auth.ts';
import { readBodiesAsJson } from './body.ts';
import { addBulk, BULK_ROUTE } from './bulk/route.ts';
import type { ApiContext } from './context.ts';
import { addDead, DISCARD_ROUTE, REQUEUE_ROUTE } from './dead.ts';
import { addDocs, DOCS_ROUTE } from './docs/route.ts';
import { addGate, markAnswer } from './gate.ts';
import { addJobs, ENVELOPE_ROUTE, JOBS_ROUTE } from './jobs.ts';
import { clientErrorHandler, limitServer, serverLimits } from './limits.ts';
import { knowAllMethods, refuseOtherMethods } from './methods.ts';
import { addOpenApi, OPENAPI_ROUTE } from './openapi/route.ts';
import type { Rules } from './options.ts';
import { addCors } from './origins.ts';
import { addHealth, addMetrics } from './probes.ts';
import { Problem, problemOf, sendProblem } from './problem.ts';
import { addQueues, PAUSE_ROUTE, QUEUES_ROUTE, RESUME_ROUTE } from './queues.ts';
import { limitRate } from './rate.ts';
import { Refusals } from './refusals.ts';
import { logRequests, requestIds } from './request-log.ts';

/** Neither listens nor connects yet. */
export function buildApp(context: ApiContext, rules: Rules): FastifyInstance {
  const app = Fastify({
    ...serverLimits(rules.bodyLimit),
    clientErrorHandler: clientErrorHandler(context.logger),
    genReqId: requestIds(),
    frameworkErrors: (error, request, reply) => {
      markAnswer(request, reply);
      sendProblem(reply, problemOf(error));
    },
  });
  const refusals = new Refusals(context.metrics.registry, context.logger);
  limitServer(app, refusals);
  limitArrivals(app);
  readBodiesAsJson(app);
  knowAllMethods(app);
  addGate(app, rules);
  addCors(app, rules.origins);
  logRequests(app, context.logger);
  app.setErrorHandler((error, request, reply) => {
    const problem = withLimit(problemOf(error), rules.bodyLimit);
    context.report(problem, request.id);
    return sendProblem(reply, problem);
  });
  // A client that keeps its connection would come back to an API that is about to go.
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (!context.isOpen()) reply.header('connection', 'close');
    done(null, payload);
  });
  app.setNotFoundHandler((_request, reply) => {
    sendProblem(reply, new Problem('NOT_FOUND'));
    context.metrics.observe('none', reply);
  });
  addHealth(app, context);
  app.register(async (behindToken) => {
    if (rules.tokens.length > 0) demandToken(behindToken, rules.tokens, refusals);
    limitRate(behindToken, rules.rateLimit, refusals);
    addJobs(behindToken, context);
    addBulk(behindToken, context);
    addMetrics(behindToken, context);
    addQueues(behindToken, context);
    addDead(behindToken, context);
    addOpenApi(behindToken, context, rules.tokens.length > 0);
    addDocs(behindToken, context, rules.tokens.length > 0);
  });
  for (const url of [JOBS_ROUTE, ENVELOPE_ROUTE, BULK_ROUTE]) refuseOtherMethods(app, url, ['POST']);
  const commands = [PAUSE_ROUTE, RESUME_ROUTE, REQUEUE_ROUTE, DISCARD_ROUTE];
  for (const url of commands) refuseOtherMethods(app, url, ['POST']);
  for (const url of ['/health', '/ready', '/metrics', QUEUES_ROUTE, OPENAPI_ROUTE, DOCS_ROUTE])
    refuseOtherMethods(app, url, ['GET', 'HEAD']);
  return app;
}

/** A body that is too large is told what would not have been. */
function withLimit(problem: Problem, bodyLimit: number): Problem {
  if (problem.code !== 'BODY_TOO_LARGE') return problem;
  const message = `the body is larger than the ${bodyLimit} bytes of API_BODY_LIMIT`;
  return new Problem('BODY_TOO_LARGE', { message, cause: problem.cause });
}
