import { Command } from 'commander';
import { embeddedAddress, startEmbedded } from './embedded.ts';
import { loggerOf } from './link.ts';
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
      const logger = loggerOf(configOf(command));
      const address = { ...embeddedAddress(), ...(port === undefined ? {} : { port }) };
      const running = new Running({ logger, limitMs: STOP_LIMIT_MS });
      await running.start(async () => {
        const faktory = await startEmbedded(address, 'take another with --port');
        running.add(() => faktory.stop());
        const where = `tcp://${address.host}:${faktory.port}`;
        logger.info(
          {},
          `the embedded Faktory listens on ${where}: in memory, it keeps nothing over a restart`,
        );
      });
    });
  return addSettings(command, {}, ['FAKTORY_URL', 'FAKTORY_PROVIDER', 'FAKTORY_PASSWORD', ...LOG_SETTINGS]);
}
