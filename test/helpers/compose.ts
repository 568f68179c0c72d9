/** The compose files as a real parser reads them, and their services as processes of this machine. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe } from 'vitest';
import { freePort } from './free-port.ts';
import { noteLeftOut } from './left-out.ts';
import { type RunningProcess, startProcess } from './process.ts';
import { faktoryBinary, whyNoRealFaktory } from './real-faktory-build.ts';
import { until } from './until.ts';

export const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
export const COMPOSE_FILES = [
  'docker-compose.yml',
  'docker-compose.server.yml',
  'docker-compose.worker.yml',
] as const;
export type ComposeFile = (typeof COMPOSE_FILES)[number];

/** What `docker-compose config` tells of a service, as far as the tests look at it. */
export interface Service {
  readonly image: string;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly healthcheck: { readonly test: readonly string[] };
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly profiles?: readonly string[];
  readonly [key: string]: unknown;
}

const run = promisify(execFile);

/** What keeps tests of the compose files from running here, in a few words; undefined when nothing does. */
function whyNoCompose(): string | undefined {
  const missing = ['docker-compose', 'busybox', 'curl'].filter((command) => !isOnPath(command));
  if (missing.length > 0) return `${missing.join(', ')} not on the PATH`;
  return whyNoRealFaktory();
}

/** Tests of the compose files; left out, and noted, where something they need is missing (an error in .ci/run). */
export function describeCompose(name: string, cases: () => void): void {
  const reason = whyNoCompose();
  if (reason !== undefined && process.env.REQUIRE_COMPOSE === '1') {
    throw new Error(`REQUIRE_COMPOSE=1, but ${name} cannot run: ${reason}`);
  }
  if (reason !== undefined) noteLeftOut(`${name}: ${reason}`);
  describe.skipIf(reason !== undefined)(name, cases);
}

/**
 * Reads a file as `docker-compose config` does, with a .env of these variables; services of profiles that
 * COMPOSE_PROFILES does not name are left out. Rejects with what it says.
 */
export async function resolveCompose(
  file: ComposeFile,
  variables: Readonly<Record<string, string>> = {},
): Promise<Record<string, Service>> {
  const profiles = (variables.COMPOSE_PROFILES ?? '').split(',');
  const services = await resolveAll(file, variables);
  // The older docker-compose shows them all, and starts those of the profiles only.
  return Object.fromEntries(
    Object.entries(services).filter(
      ([, service]) => service.profiles?.some((profile) => profiles.includes(profile)) ?? true,
    ),
  );
}

async function resolveAll(
  file: ComposeFile,
  variables: Readonly<Record<string, string>>,
): Promise<Record<string, Service>> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-compose-env-'));
  try {
    const env = join(folder, '.env');
    await writeFile(
      env,
      Object.entries(variables)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    );
    return await readCompose(['--env-file', env, '-f', file, 'config'], folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The services of what `docker-compose <args>` prints, in the repository's folder. */
export async function readCompose(
  args: string[],
  home: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<Record<string, Service>> {
  const env = { PATH: process.env.PATH, HOME: home, ...variables };
  const options = { env, cwd: REPOSITORY, maxBuffer: 2 ** 24 };
  const { stdout } = await run('docker-compose', args, options);
  // docker-compose is written in Python, for the system's one, and brings the YAML reader along.
  const toJson = 'import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.argv[1])["services"]))';
  const { stdout: json } = await run('/usr/bin/python3', ['-c', toJson, stdout], options);
  // It doubles every $, so that what it prints is a compose file again.
  const services = JSON.parse(json, (_key, value) =>
    typeof value === 'string' ? value.replaceAll('$$', '$') : value,
  ) as Record<string, Service>;
  return Object.fromEntries(
    Object.entries(services).map(([name, service]) => [
      name,
      { ...service, environment: service.environment ?? {} },
    ]),
  );
}

/**
 * The services of a deployment as processes: their commands and environment as resolved, with only the places
 * changed: host names and ports become free ports of loopback, folders of containers become those of this machine.
 */
export class Deployment implements AsyncDisposable {
  readonly api: { readonly port: number };
  readonly faktory: { readonly host: string; readonly port: number };
  readonly redis: { readonly port: number };
  readonly #webPort: number;
  readonly #dataFolder: string;
  readonly #serverName: string;
  readonly #running: PlayedService[] = [];

  private constructor(dataFolder: string, serverName: string, [api, faktory, web, redis]: number[]) {
    this.api = { port: api! };
    this.faktory = { host: '127.0.0.1', port: faktory! };
    this.redis = { port: redis! };
    this.#webPort = web!;
    this.#dataFolder = dataFolder;
    this.#serverName = serverName;
  }

  /** `dataFolder` stands for the volumes, `serverName` is what FAKTORY_SERVER_IP was set to. */
  static async create(dataFolder: string, serverName = 'faktory'): Promise<Deployment> {
    const ports: number[] = [];
    while (ports.length < 4) ports.push(await freePort());
    return new Deployment(dataFolder, serverName, ports);
  }

  /** Starts one container of a service. Does not wait for it to be healthy. */
  async start(name: string, service: Service): Promise<PlayedService> {
    const metricsPort = await freePort();
    const place = (text: string): string => this.#placeOf(text, service, metricsPort);
    const env = Object.fromEntries(
      Object.entries(service.environment).map(([variable, value]) => [variable, place(value)]),
    );
    if (env.API_HOST !== undefined) env.API_HOST = '127.0.0.1';
    if (env.API_PORT !== undefined) env.API_PORT = String(this.api.port);
    if (env.METRICS_PORT !== undefined) env.METRICS_PORT = String(metricsPort);
    // What the image itself has on its PATH is on this machine's.
    if (env.PATH !== undefined) env.PATH = [env.PATH.split(':')[0], process.env.PATH].join(delimiter);
    const command = await this.#commandOf(name, service, place);
    const played = new PlayedService(command, env, service.healthcheck.test.map(place));
    this.#running.push(played);
    return played;
  }

  /**
   * The same, confined as its container would be: its user, a read-only root, its volumes where it has them, no
   * capabilities (test/deploy/confined.sh; needs root). Only for Faktory, and only its ports are changed.
   */
  async startConfined(service: Service): Promise<PlayedService> {
    const place = (text: string): string => this.#placeOf(text, { ...service, volumes: [] }, 0);
    const volumes = (service.volumes ?? []).map((volume) => {
      const [source, target, mode] = volume.split(':');
      return [source!.startsWith('/') ? source : this.#dataFolder, target, mode].join(':');
    });
    const mounts = [...volumes, `${faktoryBinary('1.10.0')}:${service.command[0]}:ro`];
    const confined = join(REPOSITORY, 'test/deploy/confined.sh');
    const command = [confined, '/', String(service.user), ...mounts, '--', ...service.command.map(place)];
    const played = new PlayedService(command, service.environment, service.healthcheck.test.map(place));
    this.#running.push(played);
    return played;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#running.map((service) => service.process.stop('SIGKILL')));
  }

  async #commandOf(name: string, service: Service, place: (text: string) => string): Promise<string[]> {
    if (name === 'faktory') return this.#faktoryCommand(service, place);
    if (name !== 'redis') return millraceCommand(service);
    const folder = join(this.#dataFolder, 'redis');
    await mkdir(folder, { recursive: true });
    // Its volume is there; and of an option that is given twice the last one counts.
    const words = service.command.map((word) => (word === '/data' ? folder : place(word)));
    return [...words, '--bind', '127.0.0.1'];
  }

  #faktoryCommand(service: Service, place: (text: string) => string): string[] {
    const [, ...args] = service.command.map(place);
    // Where its volume is mounted it finds by itself; here it must be told.
    return [faktoryBinary('1.10.0'), ...args, '-d', this.#dataFolder, '-c', this.#dataFolder];
  }

  #placeOf(text: string, service: Service, metricsPort: number): string {
    if (text === '6379') return String(this.redis.port);
    const places: [string, string][] = [
      ['faktory:7419', `127.0.0.1:${this.faktory.port}`],
      [`${this.#serverName}:7419`, `127.0.0.1:${this.faktory.port}`],
      ['redis:6379', `127.0.0.1:${this.redis.port}`],
      [`${this.#serverName}:6379`, `127.0.0.1:${this.redis.port}`],
      ['0.0.0.0:7419', `127.0.0.1:${this.faktory.port}`],
      ['0.0.0.0:7420', `127.0.0.1:${this.#webPort}`],
      ['127.0.0.1:7420', `127.0.0.1:${this.#webPort}`],
      ['127.0.0.1:9090', `127.0.0.1:${metricsPort}`],
      ['/app/healthcheck.mjs', join(REPOSITORY, 'deploy/healthcheck.mjs')],
    ];
    const placed = places.reduce((sofar, [from, to]) => sofar.replaceAll(from, to), text);
    return mountsOf(service).reduce(
      (sofar, [target, source]) => sofar.replace(new RegExp(`(?<=^|:)${target}(?=[/:]|$)`, 'g'), source),
      placed,
    );
  }
}

/** One container of a service, as a process. */
export class PlayedService {
  readonly process: RunningProcess;
  readonly #env: Readonly<Record<string, string>>;
  readonly #healthcheck: readonly string[];

  constructor(
    [command, ...args]: readonly string[],
    env: Readonly<Record<string, string>>,
    healthcheck: readonly string[],
  ) {
    this.#env = env;
    this.#healthcheck = healthcheck;
    // Its output is a pipe, as a container's is; Node by itself would give it a socket.
    const shell = ['-c', 'exec > >(exec cat) 2>&1; exec "$@"', 'bash', command!, ...args];
    this.process = startProcess('bash', shell, { cwd: tmpdir(), env });
  }

  /** Asks its health check until that says yes. */
  async untilHealthy(): Promise<void> {
    await until(() => this.isHealthy(), {
      timeoutMs: 30_000,
      everyMs: 50,
      what: () => `${this.process.commandLine} healthy. Its output:\n${this.process.output}`,
    });
  }

  /** Asks its health check once. The commands of Faktory's image are busybox's. */
  async isHealthy(): Promise<boolean> {
    const [kind, command, ...args] = this.#healthcheck;
    if (kind !== 'CMD') throw new Error(`a health check of the kind ${kind}`);
    const stand: Record<string, string[]> = { wget: ['busybox', 'wget'], node: [process.execPath] };
    const words = [...(stand[command!] ?? [command!]), ...args];
    await using check = startProcess(words[0]!, words.slice(1), { env: this.#env });
    return (await check.waitForExit()).code === 0;
  }
}

/** Folders of the container, and what is mounted there; named volumes are not among them. */
export function mountsOf(service: Service): [target: string, source: string][] {
  return (service.volumes ?? [])
    .map((volume) => volume.split(':'))
    .filter(([source]) => source!.startsWith('/'))
    .map(([source, target]) => [target!, source!]);
}

/** The image's entry point, and the service's command. */
function millraceCommand(service: Service): string[] {
  return [process.execPath, join(REPOSITORY, 'dist/cli/main.js'), ...service.command];
}

function isOnPath(command: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, command)));
}
