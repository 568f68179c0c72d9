import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { API_OPTIONS, startApiPart } from './api.ts';
import { banner } from './banner.ts';
import { embeddedAddress, startEmbedded } from './embedded.ts';
import { loadHandlers } from './handlers.ts';
import { linkOf, loggerOf, partitionsWithin } from './link.ts';
import { startMetricsPart } from './metrics-port.ts';
import { portOption } from './port-option.ts';
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
import { addWorkerTo, createWorker, WORKER_OPTIONS, workerNotReady } from './worker.ts';
import { writeState } from './write-state.ts';

/** All of it is in memory: whoever presses Ctrl-C does not want to wait for a job that ends with it anyway. */
const SHUTDOWN_TIMEOUT_MS = 1_000;
const STOP_LIMIT_MS = 2_500;

const EXAMPLE_HANDLERS = fileURLToPath(new URL('../../examples/handlers.ts', import.meta.url));

interface DevOptions {
  faktoryPort?: number;
}

/** `millrace dev`: the embedded Faktory, the API and a worker in one process. */
export function devCommand(): Command {
  const command = new Command('dev')
    .description('Run everything in one process, to try it out: the embedded Faktory, the API and a worker.')
    .argument('[handlers-file]', 'as for `millrace worker` (default: the example handlers) [HANDLERS_FILE]')
    .addOption(
      portOption('--faktory-port <port>', 'port of the embedded Faktory (default: that of FAKTORY_URL)'),
    )
    .action(async (argument: string | undefined, options: DevOptions) => {
      await runDev(command, argument, options);
    });
  return addSettings(command, { ...API_OPTIONS, ...WORKER_OPTIONS }, [
    ...API_SETTINGS,
    'API_INSECURE',
    'HANDLERS_FILE',
    'CONTRACT_FILE',
    'RESULT_MAX_SIZE',
    'RESULT_MAX_DELAY_MS',
    ...CONNECTION_SETTINGS,
    ...PUSHING_SETTINGS,
    ...KEYED_PUSHING_SETTINGS,
    ...METRICS_SETTINGS,
    ...LOG_SETTINGS,
  ]);
}

async function runDev(command: Command, argument: string | undefined, options: DevOptions): Promise<void> {
  const config = configOf(command);
  const logger = loggerOf(config);
  const handlersFile = argument ?? config.HANDLERS_FILE ?? EXAMPLE_HANDLERS;
  const listen = {
    ...embeddedAddress(),
    ...(options.faktoryPort === undefined ? {} : { port: options.faktoryPort }),
  };
  const running = new Running({ logger, limitMs: STOP_LIMIT_MS, limitExitCode: 0 });
  await running.start(async () => {
    const faktory = await startEmbedded(
      listen,
      'set FAKTORY_URL to another address, such as tcp://127.0.0.1:7420',
    );
    running.add(() => faktory.stop());
    const link = { ...linkOf(config, logger, faktory.url), partitions: partitionsWithin(config) };
    const timeoutMs = Math.min(SHUTDOWN_TIMEOUT_MS, config.WORKER_SHUTDOWN_TIMEOUT_MS);
    const worker = await createWorker(config, link, timeoutMs);
    running.onShow(() => writeState(worker));
    await loadHandlers(handlersFile, worker);
    const { api, url: apiUrl } = await startApiPart(running, config, link, logger);
    await addWorkerTo(api.registry, worker);
    await startMetricsPart(running, config, logger, {
      registry: () => api.registry,
      notReady: () => api.notReady ?? workerNotReady(worker),
    });
    running.add(() => worker.stop());
    await worker.work();
    console.log(
      banner({
        faktory: link.where,
        api: apiUrl,
        concurrency: worker.concurrency,
        jobtypes: worker.jobtypes,
        handlersFile,
        builtIn: handlersFile === EXAMPLE_HANDLERS,
        token: config.API_TOKEN !== undefined,
      }),
    );
  });
}
