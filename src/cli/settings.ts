/** Options of commands that stand for environment variables, and what --help tells of both. */
import { type Command, Option } from 'commander';
import {
  type Config,
  describeSetting,
  type GivenSettings,
  readConfig,
  SETTING_NAMES,
  type SettingName,
} from '../config.ts';

export const CONNECTION_SETTINGS: readonly SettingName[] = [
  'FAKTORY_URL',
  'FAKTORY_PROVIDER',
  'FAKTORY_PASSWORD',
  'FAKTORY_MAX_CONNECTIONS',
];
export const PUSHING_SETTINGS: readonly SettingName[] = [
  'BATCH_MAX_SIZE',
  'BATCH_MAX_DELAY_MS',
  'BATCH_AUTO_ENABLED',
  'PUSH_MAX_IN_FLIGHT',
  'PUSH_MAX_IN_FLIGHT_BYTES',
  'JOB_RETRY',
  'JOB_RESERVE_FOR',
];
export const API_SETTINGS: readonly SettingName[] = [
  'API_TOKEN',
  'API_HOSTS',
  'API_ORIGINS',
  'API_QUEUES',
  'API_JOBTYPES',
  'API_RATE_LIMIT',
  'API_BODY_LIMIT',
  'REDIS_URL',
  'IDEMPOTENCY_TTL_S',
];
export const PARTITION_SETTINGS: readonly SettingName[] = [
  'PARTITIONS',
  'PARTITIONS_PER_POD',
  'PARTITION_LEASE_TTL_MS',
  'PARTITION_ORDINAL',
  'REDIS_URL',
];
/** Of who pushes jobs with a partition key. */
export const KEYED_PUSHING_SETTINGS: readonly SettingName[] = [
  'PARTITIONS',
  'PARTITION_LEASE_TTL_MS',
  'REDIS_URL',
];
export const METRICS_SETTINGS: readonly SettingName[] = ['METRICS_PORT', 'METRICS_HOST', 'SLOW_MS'];
export const LOG_SETTINGS: readonly SettingName[] = ['LOG_LEVEL', 'LOG_PRETTY'];

/** Of each command: which of its options stands for which variable. */
const optionsOf = new WeakMap<Command, ReadonlyMap<Option, SettingName>>();

/**
 * Gives a command its settings. `options`: those that an option may set, by its flags (`--port <port>`); it wins
 * over the variable. `others`: those by variable only. Secrets have no option: the list of processes shows those.
 */
export function addSettings(
  command: Command,
  options: Readonly<Record<string, SettingName>>,
  others: readonly SettingName[],
): Command {
  const settings = new Map<Option, SettingName>();
  for (const [flags, name] of Object.entries(options)) {
    const option = new Option(flags, `${describe(name)} [${name}]`);
    settings.set(option, name);
    command.addOption(option);
  }
  optionsOf.set(command, settings);
  const read = new Set([...Object.values(options), ...others]);
  return command.addHelpText('after', () => environmentHelp(SETTING_NAMES.filter((name) => read.has(name))));
}

/**
 * The whole configuration: the options of the command, then the environment, then the defaults. Throws
 * CONFIG_INVALID for the first value that is wrong, of any variable: one .env serves all commands.
 */
export function configOf(command: Command): Config {
  const given: Record<string, { flag: string; value: string }> = {};
  for (const [option, name] of optionsOf.get(command) ?? []) {
    const value: unknown = command.getOptionValue(option.attributeName());
    if (value !== undefined) given[name] = { flag: option.long ?? option.flags, value: String(value) };
  }
  return readConfig(undefined, given as GivenSettings);
}

function environmentHelp(names: readonly SettingName[]): string {
  const width = Math.max(...names.map((name) => name.length));
  const lines = names.map((name) => `  ${name.padEnd(width)}  ${describe(name)}`);
  return `\nEnvironment (.env in the working folder adds what is not set):\n${lines.join('\n')}\n`;
}

function describe(name: SettingName): string {
  const { help, fallback } = describeSetting(name);
  return `${help} (default: ${fallback})`;
}
