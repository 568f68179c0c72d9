/** What an API takes, and the settings that fill in what it was not told. */
import type { Client } from '../client/client.ts';
import { apiTokens, readSetting } from '../config.ts';
import type { Logger } from '../logger.ts';
import type { JobDefaults } from '../protocol/job.ts';
import type { AllowedNames } from './allowed.ts';
import { type IdempotencyOptions, type IdempotencyRules, resolveIdempotency } from './idempotency/open.ts';

export interface ApiOptions {
  /** Pushes the jobs; stays open when the API closes. Default: one of its own by FAKTORY_URL and so on. */
  client?: Client;
  /**
   * Bearer tokens, one of which every request but /health and /ready must bring (default API_TOKEN; none: no token).
   * Several, so that they can be changed one after another.
   */
  token?: string | readonly string[] | undefined;
  /** For every job that is posted: retries (default JOB_RETRY, 3) and seconds (JOB_RESERVE_FOR, 1,800). */
  jobDefaults?: Partial<JobDefaults>;
  /** Queues and jobtypes that may be pushed (default API_QUEUES, API_JOBTYPES: all). */
  allowed?: AllowedNames;
  /** Bytes of a body at most (default API_BODY_LIMIT, 1 MiB). */
  bodyLimit?: number;
  /** Names by which it is reached without a token (default API_HOSTS), beside those that no web page can have. */
  hosts?: readonly string[];
  /** Origins of web pages that may use it (default API_ORIGINS: none). */
  origins?: readonly string[];
  /** Requests a second that each token may make, or address where there is none; 0: any (default API_RATE_LIMIT). */
  rateLimit?: number;
  /** Where Idempotency-Keys are kept, and how long (default REDIS_URL, IDEMPOTENCY_TTL_S). */
  idempotency?: IdempotencyOptions;
  /** What /metrics shows, where others share the port and it speaks for all of them (default: its own registry). */
  metricsPage?: () => Promise<string>;
  /** A pino logger, or false for silence (default: pino, by LOG_LEVEL and LOG_PRETTY). */
  logger?: Logger | false;
}

/** What the requests are held to. */
export interface Rules {
  readonly tokens: readonly string[];
  readonly jobDefaults: JobDefaults;
  readonly allowed: AllowedNames;
  readonly bodyLimit: number;
  readonly hosts: readonly string[];
  readonly origins: readonly string[];
  readonly rateLimit: number;
  readonly idempotency: IdempotencyRules;
}

/** Throws CONFIG_INVALID. */
export function resolveRules(options: ApiOptions): Rules {
  return {
    tokens: tokensOf(options),
    jobDefaults: {
      retry: options.jobDefaults?.retry ?? readSetting('JOB_RETRY'),
      reserveFor: options.jobDefaults?.reserveFor ?? readSetting('JOB_RESERVE_FOR'),
    },
    allowed: options.allowed ?? { queues: readSetting('API_QUEUES'), jobtypes: readSetting('API_JOBTYPES') },
    bodyLimit: options.bodyLimit ?? readSetting('API_BODY_LIMIT'),
    hosts: options.hosts ?? readSetting('API_HOSTS'),
    origins: options.origins ?? readSetting('API_ORIGINS'),
    rateLimit: options.rateLimit ?? readSetting('API_RATE_LIMIT'),
    idempotency: resolveIdempotency(options.idempotency),
  };
}

/** None where `token` is given as undefined. Throws CONFIG_INVALID. */
export function tokensOf(options: Pick<ApiOptions, 'token'>): readonly string[] {
  if (!('token' in options)) return apiTokens();
  const { token = [] } = options;
  return typeof token === 'string' ? [token] : token;
}
