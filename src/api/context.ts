import type { Client } from '../client/client.ts';
import type { Logger } from '../logger.ts';
import type { JobDefaults } from '../protocol/job.ts';
import type { AllowedNames } from './allowed.ts';
import type { RunningBulks } from './bulk/running.ts';
import type { Idempotency } from './idempotency/idempotency.ts';
import type { InFlight } from './in-flight.ts';
import type { ApiMetrics } from './metrics.ts';
import type { Problem } from './problem.ts';

/** What the routes of one API share. */
export interface ApiContext {
  readonly client: Client;
  readonly metrics: ApiMetrics;
  readonly logger: Logger;
  /** For every job that is posted. */
  readonly jobDefaults: JobDefaults;
  readonly allowed: AllowedNames;
  /** Bytes of a body, and of a job in a bulk, at most. */
  readonly bodyLimit: number;
  /** False from the moment it shuts down. */
  isOpen(): boolean;
  /** What /metrics shows. */
  metricsPage(): Promise<string>;
  /** Logs a problem that is ours, not the client's. */
  report(problem: Problem, requestId?: string): void;
  /** Undefined where Idempotency-Keys cannot be kept. */
  readonly idempotency: Idempotency | undefined;
  /** Requests that wait for Faktory now. */
  readonly pushing: InFlight;
  /** Of those, the bulks. */
  readonly bulks: RunningBulks;
}
