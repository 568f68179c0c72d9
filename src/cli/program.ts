import { createRequire } from 'node:module';
import { Command } from 'commander';
import { apiCommand } from './api.ts';
import { benchCommand } from './bench.ts';
import { devCommand } from './dev.ts';
import { doctorCommand } from './doctor.ts';
import { faktoryCommand } from './faktory.ts';
import { loadCommand } from './load.ts';
import { partitionsCommand } from './partitions.ts';
import { pushCommand } from './push.ts';
import { setCommands } from './sets.ts';
import { workerCommand } from './worker.ts';

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

/** The command line: one file a subcommand, each of which loads what it runs only when it runs. */
export function createProgram(): Command {
  const program = new Command('millrace')
    .description(
      'Workers and an HTTP job API for Faktory, at the speed of the handlers and not of the network.',
    )
    .version(version)
    .addHelpText(
      'after',
      '\nEvery setting is an environment variable, read from .env too: `millrace <command> --help` names them.\n',
    );
  for (const command of [
    devCommand(),
    apiCommand(),
    workerCommand(),
    pushCommand(),
    ...setCommands(),
    partitionsCommand(),
    doctorCommand(),
    faktoryCommand(),
    benchCommand(),
    loadCommand(),
  ]) {
    program.addCommand(command);
  }
  tellUsageErrors(program);
  return program;
}

/** As all that goes wrong is told: one line that names the program, and where to look. */
function tellUsageErrors(command: Command, path: string = command.name()): void {
  command.configureOutput({
    outputError: (text, write) => {
      const line = text
        .trim()
        .replace(/^error: /, '')
        .replaceAll('\n', ' ');
      write(`millrace: ${line.replace(/\.$/, '')}; see ${path} --help\n`);
    },
  });
  for (const child of command.commands) tellUsageErrors(child, `${path} ${child.name()}`);
}
