import { Command } from 'commander';
import type { Registry } from 'prom-client';
import type { Config, QueuesSetting } from '../config.ts';
import { MillraceError, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { checkQueueName } from '../protocol/job.ts';
import type { Worker } from '../worker/worker.ts';
import { loadContract } from './contract-file.ts';
import { loadHandlers } from './handlers.ts';
import { type FaktoryLink, linkOf, loggerOf } from './link.ts';
import { startMetricsPart } from './metrics-port.ts';
import { findParent, type Parent } from './processes-child.ts';
import { processCount } from './processes-policy.ts';
import { Running } from './running.ts';
import {
  addSettings,
  CONNECTION_SETTINGS,
  configOf,
  LOG_SETTINGS,
  METRICS_SETTINGS,
  PARTITION_SETTINGS,
} from './settings.ts';
import { writeState } from './write-state.ts';

/** Beyond the time for running jobs: 3 s for aborted ones to clean up, and the reports. */
const STOP_MARGIN_MS = 6_000;

export const WORKER_OPTIONS = {
  '--concurrency <slots>': 'WORKER_CONCURRENCY',
  '--queues <queues>': 'WORKER_QUEUES',
  '--prefetch <jobs>': 'WORKER_PREFETCH',
} as const;

/** `millrace worker`: runs jobs. */
export function workerCommand(): Command {
  const command = new Command('worker')
    .description('Fetch jobs from Faktory and run them with the handlers of a module.')
    .argument(
      '[handlers-file]',
      'module, JavaScript or TypeScript: exports handlers by jobtype, or by default a function that gets the Worker [HANDLERS_FILE]',
    )
    .action(async (argument: string | undefined) => {
      const config = configOf(command);
      const logger = loggerOf(config);
      const file = argument ?? config.HANDLERS_FILE;
      if (file === undefined) {
        throw new MillraceError(
          'HANDLERS_INVALID',
          'HANDLERS_FILE is not set and no file was named: which module has the handlers?',
        );
      }
      const parent = findParent();
      const count = processCount(config.WORKER_PROCESSES);
      if (count > 1) checkProcesses(config);
      if (parent !== undefined || count === 1) await runWorkerCommand(config, logger, file, parent);
      else {
        const { runProcesses } = await import('./processes.ts');
        await runProcesses({ kind: 'worker', count, config, logger, limitMs: stopLimitOf(config) });
      }
    });
  return addSettings(
    command,
    {
      ...WORKER_OPTIONS,
      '--processes <n>': 'WORKER_PROCESSES',
      '--shutdown-timeout <ms>': 'WORKER_SHUTDOWN_TIMEOUT_MS',
    },
    [
      'RESULT_MAX_SIZE',
      'RESULT_MAX_DELAY_MS',
      'HANDLERS_FILE',
      'CONTRACT_FILE',
      ...PARTITION_SETTINGS,
      ...METRICS_SETTINGS,
      ...CONNECTION_SETTINGS,
      ...LOG_SETTINGS,
    ],
  );
}

/** Each of them would take the partitions of the same ordinal. */
function checkProcesses({ PARTITIONS, REDIS_URL, WORKER_PROCESSES }: Config): void {
  if (PARTITIONS === 0 || REDIS_URL !== undefined) return;
  throw new MillraceError(
    'CONFIG_INVALID',
    `WORKER_PROCESSES is ${WORKER_PROCESSES}, and PARTITIONS is set without REDIS_URL: set REDIS_URL, by which the processes ` +
      'share the partitions out, or WORKER_PROCESSES=1',
  );
}

function stopLimitOf(config: Config): number {
  return config.WORKER_SHUTDOWN_TIMEOUT_MS + STOP_MARGIN_MS;
}

/** One worker in this process; `parent`: of several, by WORKER_PROCESSES. */
async function runWorkerCommand(
  config: Config,
  logger: Logger,
  file: string,
  parent: Parent | undefined,
): Promise<void> {
  const link = linkOf(config, logger);
  const worker = await createWorker(config, link, config.WORKER_SHUTDOWN_TIMEOUT_MS);
  await loadHandlers(file, worker);
  const running = new Running({
    logger,
    limitMs: stopLimitOf(config),
    quiet: () => worker.quiet(),
    ...(parent === undefined ? {} : { onSignals: parent.onSignals }),
  });
  running.onShow(() => writeState(worker));
  // Faktory, too, can tell a worker to end, for instance by a button of its web page.
  worker.once('stop', () => void running.end(worker.exhausted ? 1 : 0));
  await running.start(async () => {
    const observed = { registry: () => workerRegistry(worker), notReady: () => workerNotReady(worker) };
    // Before the worker, so that they are stopped after it: while it drains, /ready says so.
    if (parent === undefined) await startMetricsPart(running, config, logger, observed);
    else parent.started({ ...observed, logger });
    running.add(() => worker.stop());
    await worker.work();
    const { wid, jobtypes } = worker;
    logger.info({ wid, jobtypes, queues: config.WORKER_QUEUES }, `the worker runs jobs of ${link.where}`);
  });
}

async function workerRegistry(worker: Worker): Promise<Registry> {
  const { newRegistry } = await import('../metrics.ts');
  const registry = newRegistry();
  await addWorkerTo(registry, worker);
  const { addQueueMetrics } = await import('../connection/queue-metrics.ts');
  addQueueMetrics(registry, () => worker.queueReport());
  return registry;
}

/** Adds a worker's metrics to those of its process. */
export async function addWorkerTo(registry: Registry, worker: Worker): Promise<void> {
  const { addWorkerMetrics } = await import('../worker/metrics.ts');
  addWorkerMetrics(registry, worker);
}

/** Why a worker does not take jobs just now. */
export function workerNotReady(worker: Worker): string | undefined {
  if (worker.state !== 'running') return `the worker is ${worker.state}`;
  if (!worker.connected) return 'not connected to Faktory';
  return worker.partitionHolders.find(({ outdated }) => outdated !== undefined)?.outdated;
}

/** A worker by the configuration, without handlers yet. Throws CONFIG_INVALID, ADDRESS_INVALID. */
export async function createWorker(
  config: Config,
  link: FaktoryLink,
  shutdownTimeoutMs: number,
): Promise<Worker> {
  checkQueues(config.WORKER_QUEUES);
  const { Worker } = await import('../worker/worker.ts');
  const contract = await loadContract(config.CONTRACT_FILE);
  return new Worker({
    ...link.connect,
    contract,
    concurrency: config.WORKER_CONCURRENCY,
    queues: config.WORKER_QUEUES,
    partitions: {
      ...link.partitions,
      perPod: config.PARTITIONS_PER_POD,
      ordinal: config.PARTITION_ORDINAL,
    },
    prefetch: config.WORKER_PREFETCH,
    shutdownTimeoutMs,
    slowMs: config.SLOW_MS,
    // The command hears the signals: there may be more to stop than the worker.
    trapSignals: false,
  });
}

/** The names must be such as Faktory takes; who sets a variable is told which one it was. */
function checkQueues(queues: QueuesSetting): void {
  try {
    for (const name of Array.isArray(queues) ? queues : Object.keys(queues)) checkQueueName(name);
  } catch (cause) {
    throw new MillraceError('CONFIG_INVALID', `WORKER_QUEUES: ${messageOf(cause)}`, { cause });
  }
}
