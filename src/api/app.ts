/** The HTTP service: POST → checked → Client → answered when Faktory has the job. */
import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import { Client } from '../client/client.ts';
import { type Logger, resolveLogger } from '../logger.ts';
import { hideSecret } from '../redact.ts';
import { buildApp } from './build.ts';
import { RunningBulks } from './bulk/running.ts';
import { linger, sweepConnections } from './closing.ts';
import type { ApiContext } from './context.ts';
import { openIdempotency } from './idempotency/open.ts';
import { InFlight } from './in-flight.ts';
import { ApiMetrics } from './metrics.ts';
import { type ApiOptions, resolveRules } from './options.ts';
import type { Problem } from './problem.ts';

/** It takes jobs (open), answers those it took and no others (draining), is gone (closed). */
type State = 'open' | 'draining' | 'closed';
const NEXT: Record<State, State> = { open: 'draining', draining: 'closed', closed: 'closed' };

/** Pushes that Faktory has not answered by then are cut off. */
const DRAIN_LIMIT_MS = 20_000;

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

  /**
   * Opens a connection now rather than at the first request, and resolves when it is there, or cannot be made: the
   * Client logs why, and keeps trying. Never rejects.
   */
  async connect(): Promise<void> {
    this.#context.idempotency?.connect();
    await this.#context.client.connect().catch(() => {});
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
  void api.connect();
  return api;
}

function report(problem: Problem, logger: Logger, requestId: string | undefined): void {
  if (problem.code !== 'INTERNAL') return;
  const fields = { err: problem.cause, ...(requestId === undefined ? {} : { requestId }) };
  logger.error(fields, 'a request failed for a reason that is not known');
}
