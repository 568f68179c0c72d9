import type { Client } from '../client/client.ts';
import type { Logger } from '../logger.ts';
import type { JobDefaults } from '../protocol/job.ts';
import type { AllowedNames } from './allowed.ts';
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
  /** Logs a problem that is ours, not the client's. */
  report(problem: Problem): void;
  /** Requests that wait for Faktory now. */
  readonly pushing: InFlight;
}
