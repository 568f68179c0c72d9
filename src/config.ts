/**
 * The settings: every environment variable, its default, what it takes. This file is the only reader of
 * process.env; the README's table, `--help` and .env.example say the same (test/config.test.ts holds them equal).
 */
import { readFileSync } from 'node:fs';
import { MillraceError } from './errors.ts';
import {
  autoOr,
  flag,
  hosts,
  names,
  oneOf,
  optional,
  ordinal,
  origins,
  port,
  queues,
  type Setting,
  terminalFlag,
  text,
  tokens,
  whole,
} from './setting-kinds.ts';

export type { QueuesSetting } from './setting-kinds.ts';

const SETTINGS = {
  FAKTORY_URL: text(
    'tcp://127.0.0.1:7419',
    'where Faktory is: tcp://[:password@]host:port, or tcp+tls:// for TLS',
  ),
  FAKTORY_PROVIDER: optional('name of the variable that holds the URL, instead of FAKTORY_URL'),
  FAKTORY_PASSWORD: optional('password of Faktory, or the path of a file that holds it, if it starts with /'),
  FAKTORY_MAX_CONNECTIONS: whole(64, 4, 2_000, 'sockets to Faktory that a process may open'),
  WORKER_CONCURRENCY: whole(500, 1, 100_000, 'jobs that run at once in each worker process'),
  WORKER_PROCESSES: autoOr(
    1,
    1,
    512,
    'processes of `millrace worker`, each with its own slots and sockets: a number; auto: one a core',
  ),
  WORKER_PREFETCH: autoOr(
    'auto',
    0,
    16_384,
    'jobs fetched ahead of free slots: auto, a number; 0: a slot is a fetch loop',
  ),
  WORKER_QUEUES: queues(),
  WORKER_SHUTDOWN_TIMEOUT_MS: whole(
    8_000,
    0,
    3_600_000,
    'how long running jobs may go on at shutdown, in ms',
  ),
  RESULT_MAX_SIZE: whole(100, 1, 10_000, "results in one reducer's job at most"),
  RESULT_MAX_DELAY_MS: whole(
    50,
    0,
    60_000,
    'how long a result waits for others on its way to the reducer, counted from the first, in ms',
  ),
  HANDLERS_FILE: optional('module with the handlers, JavaScript or TypeScript'),
  CONTRACT_FILE: optional('module with the job contract (defineJobs), JavaScript or TypeScript'),
  BATCH_MAX_SIZE: whole(100, 1, 10_000, 'jobs in one PUSHB at most'),
  BATCH_MAX_DELAY_MS: whole(50, 0, 60_000, 'how long a job waits for others while all lanes are busy, in ms'),
  BATCH_AUTO_ENABLED: flag(true, 'gather concurrent pushes; false sends each alone'),
  PUSH_MAX_IN_FLIGHT: whole(10_000, 1, 10_000_000, 'jobs on their way to Faktory before callers must wait'),
  PUSH_MAX_IN_FLIGHT_BYTES: whole(
    268_435_456,
    1_024,
    2 ** 40,
    'bytes on their way to Faktory before callers must wait',
  ),
  JOB_RETRY: whole(3, -1, 1_000, 'retries of a failed job, unless the job sets its own; the SDK: 25'),
  JOB_RESERVE_FOR: whole(1_800, 60, 86_400, 'seconds a worker may hold a job that says nothing'),
  API_HOST: text('127.0.0.1', 'address the API listens on'),
  API_PORT: whole(3_000, 0, 65_535, 'port the API listens on'),
  API_TOKEN: tokens('bearer token that the API asks for, any of several, or the file that holds them'),
  API_INSECURE: flag(false, 'allows listening beyond loopback without a token'),
  API_HOSTS: hosts(
    'names by which the API is reached without a token, beside addresses and names without a dot',
  ),
  API_ORIGINS: origins('web pages that may use the API'),
  API_QUEUES: names('the only queues that may be pushed to, where it is set', /^[a-zA-Z0-9._-]*$/),
  API_JOBTYPES: names('the only jobtypes that may be pushed, where it is set'),
  API_RATE_LIMIT: whole(0, 0, 10_000_000, 'requests a second of each token, or address without one; 0: any'),
  API_BODY_LIMIT: whole(1_048_576, 1_024, 1_073_741_824, 'bytes of a body, and of a job in a bulk, at most'),
  API_PROCESSES: autoOr(
    1,
    1,
    512,
    'processes of `millrace api` that share its port: a number; auto: one a core',
  ),
  REDIS_URL: optional(
    'Redis that keeps Idempotency-Keys and partitions: redis://[:password@]host:port[/database], or by its sentinels ' +
      'redis-sentinel://host:port,host:port?sentinelMasterId=name; rediss for TLS',
  ),
  IDEMPOTENCY_TTL_S: whole(86_400, 1, 2_592_000, 'how long an Idempotency-Key is kept, in seconds'),
  PARTITIONS: whole(0, 0, 4_096, 'parts that each queue is split into, by the keys of its jobs; 0: none'),
  PARTITIONS_PER_POD: whole(4, 1, 4_096, 'partitions of a queue that one worker process takes at most'),
  PARTITION_LEASE_TTL_MS: whole(
    30_000,
    1_000,
    3_600_000,
    'how long a partition stays with a worker that is not heard of any more, in ms',
  ),
  PARTITION_ORDINAL: ordinal(
    "this worker's number, from 0, where partitions are not shared out by Redis but fixed; none: by the host name",
  ),
  METRICS_PORT: port("port of the process's own /health, /ready and /metrics"),
  METRICS_HOST: text('127.0.0.1', 'address that METRICS_PORT listens on'),
  SLOW_MS: whole(1_000, 0, 3_600_000, 'handlers and commands that take longer are told of, in ms; 0: none'),
  LOG_LEVEL: oneOf(
    'info',
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    'least that is logged',
  ),
  LOG_PRETTY: terminalFlag(),
} as const satisfies Record<string, Setting<unknown>>;

export type SettingName = keyof typeof SETTINGS;
/** The value of each setting, parsed. */
export type Config = { readonly [K in SettingName]: ReturnType<(typeof SETTINGS)[K]['read']> };

export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

/** What a variable is for, its default as text, and what it takes: for --help and the docs. */
export function describeSetting(name: SettingName): { help: string; fallback: string; takes: string } {
  const { help, shown, fallback, takes } = SETTINGS[name] as Setting<unknown>;
  return { help, fallback: shown ?? (fallback === undefined ? 'none' : String(fallback)), takes };
}

type Environment = Record<string, string | undefined>;

/** One setting from the environment; throws CONFIG_INVALID naming the variable, its value and what it takes. */
export function readSetting<K extends SettingName>(name: K, env: Environment = process.env): Config[K] {
  return parseSetting(name, env[name]);
}

/** A value of a setting from elsewhere, for instance the option `shownAs` of a command; throws as `readSetting`. */
export function parseSetting<K extends SettingName>(
  name: K,
  value: string | undefined,
  shownAs: string = name,
): Config[K] {
  return SETTINGS[name].read(shownAs, value) as Config[K];
}

/** Whether the variable is set (an empty or blank one is not). */
export function isSet(name: SettingName, env: Environment = process.env): boolean {
  return (env[name] ?? '').trim() !== '';
}

/** Values that win over the environment's, each with the option that it was given by. */
export type GivenSettings = {
  readonly [K in SettingName]?: { readonly flag: string; readonly value: string };
};

/** All settings; throws CONFIG_INVALID for the first that is wrong. */
export function readConfig(env: Environment = process.env, given: GivenSettings = {}): Config {
  const values = SETTING_NAMES.map((name) => {
    const option = given[name];
    if (option === undefined) return [name, readSetting(name, env)];
    return [name, parseSetting(name, option.value, `${option.flag} (${name})`)];
  });
  return Object.fromEntries(values) as Config;
}

/** FAKTORY_URL, or what the variable named by FAKTORY_PROVIDER says. */
export function faktoryUrl(env: Environment = process.env): string {
  const provider = readSetting('FAKTORY_PROVIDER', env);
  if (provider === undefined) return readSetting('FAKTORY_URL', env);
  // As other clients do: FAKTORY_PROVIDER names a variable; a name that holds nothing is a mistake worth telling.
  const url = env[provider];
  if (url === undefined || url === '') throw providerInvalid(provider);
  return url;
}

/** Not shown where it is no name: then it may well be the URL, with its password. */
function providerInvalid(provider: string): MillraceError {
  const message = /^\w+$/.test(provider)
    ? `FAKTORY_PROVIDER names ${provider}, which is not set: set ${provider} to the URL of Faktory, or leave FAKTORY_PROVIDER out`
    : 'FAKTORY_PROVIDER takes the name of a variable that holds the URL of Faktory; FAKTORY_URL takes the URL itself';
  return new MillraceError('CONFIG_INVALID', message);
}

/** FAKTORY_PASSWORD, read from its file where it names one. */
export function faktoryPassword(env: Environment = process.env): string | undefined {
  const password = readSetting('FAKTORY_PASSWORD', env);
  return password?.startsWith('/') ? readSecret('FAKTORY_PASSWORD', password) : password;
}

/** The tokens of API_TOKEN, read from their file (with commas or line ends between) where it names one. */
export function apiTokens(env: Environment = process.env): readonly string[] {
  const tokens = readSetting('API_TOKEN', env) ?? [];
  if (!tokens[0]?.startsWith('/')) return tokens;
  const lines = readSecret('API_TOKEN', tokens.join(',')).split(/\s+/).join(',');
  return parseSetting('API_TOKEN', lines) ?? [];
}

function readSecret(name: SettingName, path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const message = `${name} starts with /, so it is the path of a file, which cannot be read (${code}); what starts with / itself goes into a file, too`;
    throw new MillraceError('CONFIG_INVALID', message, { cause });
  }
}

/** What the program is run as (NODE_ENV). */
export function environmentName(env: Environment = process.env): string | undefined {
  return env.NODE_ENV;
}

/** Whether npm started this process: npm passes on a Ctrl-C that the terminal has already sent to both. */
export function startedByNpm(env: Environment = process.env): boolean {
  return env.npm_lifecycle_event !== undefined;
}

/** What a process of WORKER_PROCESSES is told by that it is one of them. Internal, and no setting. */
const FORKED_MARK = 'MILLRACE_FORKED';

/** The environment of a process that `millrace worker` forks: this one's, and a mark. */
export function forkedEnvironment(env: Environment = process.env): Environment {
  return { ...env, [FORKED_MARK]: '1' };
}

/** Whether this process was forked so. The mark is taken away: what a handler starts must not inherit it. */
export function takeForkedMark(env: Environment = process.env): boolean {
  const isForked = env[FORKED_MARK] === '1';
  delete env[FORKED_MARK];
  return isForked;
}
