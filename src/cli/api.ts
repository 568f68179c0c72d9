import { Command } from 'commander';
import type { RunningApi } from '../api/index.ts';
import { apiTokens, type Config } from '../config.ts';
import type { Logger } from '../logger.ts';
import { loadContract } from './contract-file.ts';
import { type FaktoryLink, jobDefaultsOf, linkOf, loggerOf, pushingOf } from './link.ts';
import { startMetricsPart } from './metrics-port.ts';
import { findParent, type Parent } from './processes-child.ts';
import { processCount } from './processes-policy.ts';
import { Running } from './running.ts';
import {
  API_SETTINGS,
  addSettings,
  CONNECTION_SETTINGS,
  configOf,
  KEYED_PUSHING_SETTINGS,
  LOG_SETTINGS,
  METRICS_SETTINGS,
  PUSHING_SETTINGS,
} from './settings.ts';

/** Answers still to be given at the end: Faktory has 20 s for each. */
const STOP_LIMIT_MS = 25_000;

export const API_OPTIONS = { '--host <host>': 'API_HOST', '--port <port>': 'API_PORT' } as const;

/** `millrace api`: the HTTP service. */
export function apiCommand(): Command {
  const command = new Command('api')
    .description('Take jobs over HTTP (POST /jobs/:jobtype) and push them to Faktory.')
    .action(async () => {
      const config = configOf(command);
      const logger = loggerOf(config);
      const parent = findParent();
      const count = processCount(config.API_PROCESSES);
      if (parent !== undefined || count === 1) await runApiCommand(config, logger, parent);
      else {
        const { runProcesses } = await import('./processes.ts');
        await runProcesses({ kind: 'api', count, config, logger, limitMs: STOP_LIMIT_MS });
      }
    });
  return addSettings(
    command,
    { ...API_OPTIONS, '--insecure': 'API_INSECURE', '--processes <n>': 'API_PROCESSES' },
    [
      ...API_SETTINGS,
      'CONTRACT_FILE',
      ...CONNECTION_SETTINGS,
      ...PUSHING_SETTINGS,
      ...KEYED_PUSHING_SETTINGS,
      ...METRICS_SETTINGS,
      ...LOG_SETTINGS,
    ],
  );
}

/** One API in this process; `parent`: of several that share a port, by API_PROCESSES. */
async function runApiCommand(config: Config, logger: Logger, parent: Parent | undefined): Promise<void> {
  const running = new Running({
    logger,
    limitMs: STOP_LIMIT_MS,
    ...(parent === undefined ? {} : { onSignals: parent.onSignals }),
  });
  const link = linkOf(config, logger);
  await running.start(async () => {
    const { url, api } = await startApiPart(running, config, link, logger, parent);
    const observed = { registry: () => api.registry, notReady: () => api.notReady };
    if (parent === undefined) await startMetricsPart(running, config, logger, observed);
    else parent.started({ ...observed, logger });
    logger.info({ pid: process.pid }, `the API listens on ${url} and pushes to ${link.where}`);
  });
}

/** Where Faktory is away a process that shares its port says so itself, with 503, after that. */
const CONNECT_FIRST_MS = 1_000;

/** Starts the API, with a Client of its own, as a part of `running`. */
export async function startApiPart(
  running: Running,
  config: Config,
  link: FaktoryLink,
  logger: Logger,
  parent?: Parent,
): Promise<RunningApi> {
  const { startApi } = await import('../api/index.ts');
  const { Client } = await import('../client/client.ts');
  const contract = await loadContract(config.CONTRACT_FILE);
  const client = new Client({ ...link.connect, ...pushingOf(config), partitions: link.partitions, contract });
  running.add(() => client.close());
  const api = await startApi({
    client,
    host: config.API_HOST,
    port: config.API_PORT,
    token: apiTokens(),
    insecure: config.API_INSECURE,
    jobDefaults: jobDefaultsOf(config),
    allowed: { queues: config.API_QUEUES, jobtypes: config.API_JOBTYPES },
    bodyLimit: config.API_BODY_LIMIT,
    hosts: config.API_HOSTS,
    origins: config.API_ORIGINS,
    rateLimit: config.API_RATE_LIMIT,
    idempotency: {
      redisUrl: config.REDIS_URL,
      ttlS: config.IDEMPOTENCY_TTL_S,
      hasSiblings: parent !== undefined,
    },
    ...(parent === undefined ? {} : { metricsPage: () => parent.page(), connectFirstMs: CONNECT_FIRST_MS }),
    logger,
  });
  running.add(() => api.close());
  return api;
}
