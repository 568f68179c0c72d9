/** What the API counts, in Prometheus' format. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Counter, Histogram, type Registry } from 'prom-client';
import type { Client } from '../client/client.ts';
import { addClientMetrics } from '../client/metrics.ts';
import { newRegistry } from '../metrics.ts';

/** What became of a job that was posted. */
export type Outcome = 'stored' | 'invalid' | 'refused' | 'pressure' | 'unreachable' | 'unknown' | 'failed';

/** Seconds: from a push on loopback to one that met a reconnect. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

export class ApiMetrics {
  /** Of its own, so that several APIs in a process, and the program's own metrics, do not meet. */
  readonly registry: Registry = newRegistry();
  readonly #jobs: Counter<'outcome'>;
  readonly #requests: Histogram<'route' | 'status'>;

  constructor(client: Client) {
    const registers = [this.registry];
    addClientMetrics(this.registry, client);
    this.#jobs = new Counter({
      name: 'millrace_api_jobs_total',
      help: 'Jobs posted, by what became of them',
      labelNames: ['outcome'],
      registers,
    });
    this.#requests = new Histogram({
      name: 'millrace_api_request_duration_seconds',
      help: 'From the head of a request to the end of its answer',
      labelNames: ['route', 'status'],
      buckets: BUCKETS,
      registers,
    });
  }

  countJob(outcome: Outcome, count = 1): void {
    this.#jobs.inc({ outcome }, count);
  }

  /** A Fastify hook (onResponse) that records the durations of one route. */
  timing(route: string): (request: FastifyRequest, reply: FastifyReply, done: () => void) => void {
    return (_request, reply, done) => {
      this.observe(route, reply);
      done();
    };
  }

  observe(route: string, reply: FastifyReply): void {
    this.#requests.observe({ route, status: reply.statusCode }, reply.elapsedTime / 1_000);
  }
}
