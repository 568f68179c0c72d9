import { Command } from 'commander';
import type { Registry } from 'prom-client';
import type { EmbeddedFaktory } from '../embedded/index.ts';
import { isWakeQueue } from '../protocol/wake-queue.ts';
import { embeddedAddress, startEmbedded } from './embedded.ts';
import { loggerOf } from './link.ts';
import { startMetricsPart } from './metrics-port.ts';
import { portOption } from './port-option.ts';
import { Running } from './running.ts';
import { addSettings, configOf, LOG_SETTINGS } from './settings.ts';

const STOP_LIMIT_MS = 5_000;

/** `millrace faktory`: the embedded Faktory alone, for development and tests. */
export function faktoryCommand(): Command {
  const command = new Command('faktory')
    .description('Run the embedded Faktory: in memory, on loopback, for development. It keeps nothing.')
    .addOption(portOption('--port <port>', 'port to listen on (default: that of FAKTORY_URL)'))
    .action(async ({ port }: { port?: number }) => {
      const config = configOf(command);
      const logger = loggerOf(config);
      const address = { ...embeddedAddress(), ...(port === undefined ? {} : { port }) };
      const running = new Running({ logger, limitMs: STOP_LIMIT_MS });
      await running.start(async () => {
        const faktory = await startEmbedded(address, 'take another with --port');
        running.add(() => faktory.stop());
        await startMetricsPart(running, config, logger, {
          registry: () => faktoryRegistry(faktory),
          notReady: () => undefined,
        });
        const where = `tcp://${address.host}:${faktory.port}`;
        logger.info(
          {},
          `the embedded Faktory listens on ${where}: in memory, it keeps nothing over a restart`,
        );
      });
    });
  return addSettings(command, {}, [
    'FAKTORY_URL',
    'FAKTORY_PROVIDER',
    'FAKTORY_PASSWORD',
    'METRICS_PORT',
    'METRICS_HOST',
    ...LOG_SETTINGS,
  ]);
}

async function faktoryRegistry(faktory: EmbeddedFaktory): Promise<Registry> {
  const { newRegistry, gauge } = await import('../metrics.ts');
  const registry = newRegistry();
  gauge(registry, 'millrace_queue_size', 'Jobs that wait in each queue', () =>
    Object.entries(faktory.counts().queues)
      .filter(([queue]) => !isWakeQueue(queue))
      .map(([queue, size]) => [{ queue }, size] as const),
  );
  gauge(registry, 'millrace_set_size', 'Jobs in Scheduled, Working, Retries and Dead', () => {
    const { scheduled, working, retries, dead } = faktory.counts();
    return Object.entries({ scheduled, working, retries, dead }).map(
      ([set, size]) => [{ set }, size] as const,
    );
  });
  return registry;
}
