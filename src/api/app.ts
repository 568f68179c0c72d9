/** The HTTP service: POST → checked → Client → answered when Faktory has the job. */
import type { Server } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import { Client } from '../client/client.ts';
import { type Logger, resolveLogger } from '../logger.ts';
import { hideSecret } from '../redact.ts';
import { limitArrivals } from './arrivals.ts';
import { demandToken } from './auth.ts';
import { readBodiesAsJson } from './body.ts';
import { addBulk, BULK_ROUTE } from './bulk/route.ts';
import { RunningBulks } from './bulk/running.ts';
import type { ApiContext } from './context.ts';
import { addDead, DISCARD_ROUTE, REQUEUE_ROUTE } from './dead.ts';
import { addDocs, DOCS_ROUTE } from './docs/route.ts';
import { addGate, markAnswer } from './gate.ts';
import { openIdempotency } from './idempotency/open.ts';
import { InFlight } from './in-flight.ts';
import { addJobs, ENVELOPE_ROUTE, JOBS_ROUTE } from './jobs.ts';
import { clientErrorHandler, limitServer, serverLimits } from './limits.ts';
import { knowAllMethods, refuseOtherMethods } from './methods.ts';
import { ApiMetrics } from './metrics.ts';
import { addOpenApi, OPENAPI_ROUTE } from './openapi/route.ts';
import { type ApiOptions, type Rules, resolveRules } from './options.ts';
import { addCors } from './origins.ts';
import { addHealth, addMetrics } from './probes.ts';
import { Problem, problemOf, sendProblem } from './problem.ts';
import { addQueues, PAUSE_ROUTE, QUEUES_ROUTE, RESUME_ROUTE } from './queues.ts';
import { limitRate } from './rate.ts';
import { Refusals } from './refusals.ts';
import { logRequests, requestIds } from './request-log.ts';

/** It takes jobs (open), answers those it took and no others (draining), is gone (closed). */
type State = 'open' | 'draining' | 'closed';
const NEXT: Record<State, State> = { open: 'draining', draining: 'closed', closed: 'closed' };

/** Pushes that Faktory has not answered by then are cut off. */
const DRAIN_LIMIT_MS = 20_000;
/** How long kept-alive connections may still bring a request, to be told that it goes elsewhere. */
const LINGER_MS = 300;
/** How often connections that have become idle are ended while it closes. */
const SWEEP_MS = 25;
/** How long a connection may then still read its answer, or send the rest of a request. */
const LAST_WORDS_MS = 500;

export type { ApiOptions };

/** The service, listening or not (`app.inject` needs no port). */
export class Api implements AsyncDisposable {
  readonly app: FastifyInstance;
  readonly #context: ApiContext;
  readonly #ownClient: Client | undefined;
  #state: State = 'open';
  #closed: Promise<void> | undefined;

  /** Throws CONFIG_INVALID, ADDRESS_INVALID. It neither listens nor connects yet. */
  constructor(options: ApiOptions = {}) {
    const logger = resolveLogger(options.logger);
    const rules = resolveRules(options);
    const client = options.client ?? new Client({ logger });
    this.#ownClient = options.client === undefined ? client : undefined;
    const metrics = new ApiMetrics(client);
    this.#context = {
      client,
      logger,
      metrics,
      metricsPage: options.metricsPage ?? (() => metrics.registry.metrics()),
      jobDefaults: rules.jobDefaults,
      allowed: rules.allowed,
      bodyLimit: rules.bodyLimit,
      isOpen: () => this.#state === 'open',
      report: (problem, requestId) => report(problem, logger, requestId),
      idempotency: openIdempotency(rules.idempotency, metrics.registry, logger),
      pushing: new InFlight(),
      bulks: new RunningBulks(),
    };
    for (const token of rules.tokens) hideSecret(token);
    this.app = buildApp(this.#context, rules);
  }

  /** What /metrics shows; more may be added. */
  get registry(): Registry {
    return this.#context.metrics.registry;
  }

  /** Why it does not take jobs just now, if it does not. */
  get notReady(): string | undefined {
    if (this.#state !== 'open') return `the API is ${this.#state}`;
    return this.#context.client.connected ? undefined : 'not connected to Faktory';
  }

  /** Opens a connection now rather than at the first request; the Client logs why it cannot, and keeps trying. */
  connect(): void {
    this.#context.client.connect().catch(() => {});
    this.#context.idempotency?.connect();
  }

  /** Is not ready any more, answers what it took, then ends every connection. Safe to call again. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#setState('draining');
    this.#context.bulks.shutDown();
    // Still listening, so that whoever asks hears "not ready" rather than nothing.
    await this.#context.pushing.idle(DRAIN_LIMIT_MS);
    await linger(this.app.server);
    const stopSweeping = sweepConnections(this.app.server);
    await this.app.close().finally(stopSweeping);
    this.#context.idempotency?.close();
    await this.#ownClient?.close();
    this.#setState('closed');
  }

  #setState(next: State): void {
    if (NEXT[this.#state] !== next) throw new Error(`an API cannot go from ${this.#state} to ${next}`);
    this.#state = next;
  }
}

/** Makes the service without listening; it connects to Faktory. Throws CONFIG_INVALID, ADDRESS_INVALID. */
export function createApi(options: ApiOptions = {}): Api {
  const api = new Api(options);
  api.connect();
  return api;
}

function buildApp(context: ApiContext, rules: Rules): FastifyInstance {
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
    const problem = problemOf(error);
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

/**
 * A kept-alive connection that looks idle may have a request on its way, which would be lost with it: for a moment each
 * still gets an answer, and that ends it. Whoever has no request then is ended without.
 */
async function linger(server: Server): Promise<void> {
  const end = performance.now() + LINGER_MS;
  const open = (): Promise<number> =>
    new Promise((resolve) => server.getConnections((_error, count) => resolve(count ?? 0)));
  while (performance.now() < end && (await open()) > 0) await pause(SWEEP_MS);
}

/** `app.close()` waits for every connection: here they are ended, each as soon as it may be. */
function sweepConnections(server: Server): () => void {
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
  const end = setTimeout(() => server.closeAllConnections(), LAST_WORDS_MS);
  return () => {
    clearInterval(sweep);
    clearTimeout(end);
  };
}

function report(problem: Problem, logger: Logger, requestId: string | undefined): void {
  if (problem.code !== 'INTERNAL') return;
  const fields = { err: problem.cause, ...(requestId === undefined ? {} : { requestId }) };
  logger.error(fields, 'a request failed for a reason that is not known');
}
