/** The HTTP service: POST → checked → Client → answered when Faktory has the job. */
import type { Server } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import Fastify, { type FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import { Client } from '../client/client.ts';
import { type Logger, resolveLogger } from '../logger.ts';
import { hideSecret } from '../redact.ts';
import { isCrossSite, tokenCheck } from './auth.ts';
import { readBodiesAsJson } from './body.ts';
import type { ApiContext } from './context.ts';
import { InFlight } from './in-flight.ts';
import { addJobs, ENVELOPE_ROUTE, JOBS_ROUTE } from './jobs.ts';
import { limitConnections, serverLimits } from './limits.ts';
import { refuseOtherMethods } from './methods.ts';
import { ApiMetrics } from './metrics.ts';
import { type ApiOptions, type Rules, resolveRules } from './options.ts';
import { addHealth, addMetrics } from './probes.ts';
import { Problem, problemOf, sendProblem } from './problem.ts';

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
    this.#context = {
      client,
      logger,
      metrics: new ApiMetrics(client),
      jobDefaults: rules.jobDefaults,
      allowed: rules.allowed,
      bodyLimit: rules.bodyLimit,
      isOpen: () => this.#state === 'open',
      report: (problem) => report(problem, logger),
      pushing: new InFlight(),
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
    // Still listening, so that whoever asks hears "not ready" rather than nothing.
    await this.#context.pushing.idle(DRAIN_LIMIT_MS);
    await linger(this.app.server);
    const stopSweeping = sweepConnections(this.app.server);
    await this.app.close().finally(stopSweeping);
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
    frameworkErrors: (error, _request, reply) => {
      sendProblem(reply, problemOf(error));
    },
  });
  limitConnections(app);
  readBodiesAsJson(app);
  app.addHook('onRequest', (request, _reply, done) => {
    // Every body is JSON here: Fastify need not look at, nor refuse, what the content type says.
    request.raw.headers['content-type'] = undefined;
    if (isCrossSite(request)) done(new Problem('CROSS_SITE'));
    else done();
  });
  app.setErrorHandler((error, _request, reply) => {
    const problem = problemOf(error);
    context.report(problem);
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
    if (rules.tokens.length > 0) demandToken(behindToken, rules.tokens);
    addJobs(behindToken, context);
    addMetrics(behindToken, context);
  });
  for (const url of [JOBS_ROUTE, ENVELOPE_ROUTE]) refuseOtherMethods(app, url, ['POST']);
  for (const url of ['/health', '/ready', '/metrics']) refuseOtherMethods(app, url, ['GET', 'HEAD']);
  return app;
}

function demandToken(app: FastifyInstance, tokens: readonly string[]): void {
  const isAuthorized = tokenCheck(tokens);
  app.addHook('onRequest', (request, _reply, done) => {
    if (isAuthorized(request.headers.authorization)) done();
    else done(new Problem('UNAUTHORIZED'));
  });
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

function report(problem: Problem, logger: Logger): void {
  if (problem.code !== 'INTERNAL') return;
  logger.error({ err: problem.cause }, 'a request failed for a reason that is not known');
}
