import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { FaktoryExited, type RunningFaktory, untilItAnswers } from './faktory-process.ts';
import { faktoryUrl } from './faktory-url.ts';
import { freePort } from './free-port.ts';
import { type Exit, isAlive, type RunningProcess, startProcess } from './process.ts';
import {
  buildRealFaktory,
  type FaktoryVersion,
  faktoryBinary,
  redisServer,
  whyNoRealFaktory,
} from './real-faktory-build.ts';
import { until } from './until.ts';

export {
  buildRealFaktory,
  FAKTORY_VERSIONS,
  type FaktoryVersion,
  realFaktoryAvailable,
  whyNoRealFaktory,
} from './real-faktory-build.ts';

export interface RealFaktoryOptions {
  /** Default 1.10.0. */
  version?: FaktoryVersion;
  password?: string;
  /** Default: a free one. */
  port?: number;
  /** Folder of its storage and configuration. Default: a new one, removed at stop; a given one is kept. */
  dir?: string;
  /** Arguments added to redis-server's, for instance `['--appendonly', 'yes']`. */
  redisArgs?: readonly string[];
  /** Lines of a TOML file in its conf.d. */
  config?: string;
  /**
   * A command that Faktory's own is appended to and that ends by exec'ing it, for instance `unshare` with a shell.
   * `{dir}` in its words is the instance's folder.
   */
  wrap?: readonly string[];
  /** Default `warn`. */
  logLevel?: 'error' | 'warn' | 'info' | 'debug';
}

export interface RealFaktory extends RunningFaktory {
  readonly kind: 'real';
  readonly version: FaktoryVersion;
  readonly webPort: number;
  /** Folder that holds `db` (Redis's files, redis.log) and `conf.d`. */
  readonly dir: string;
  /** Of the redis-server that Faktory started. */
  readonly redisPid: number;
  /** How the one that was started last has ended, or undefined while it runs. */
  readonly exited: Exit | undefined;
  /**
   * After a SIGKILL of Faktory its Redis still takes a moment to store and end, and a Faktory started meanwhile
   * meets it and dies: `afterRedis: false` restarts without that wait, and without waiting for `+HI`.
   */
  restart(options?: { afterRedis?: boolean }): Promise<void>;
}

/** Starts a real Faktory of its own on loopback: own ports, storage, HOME and Redis. Returns once it answers `+HI`. */
export async function startRealFaktory(options: RealFaktoryOptions = {}): Promise<RealFaktory> {
  const version = options.version ?? '1.10.0';
  if (whyNoRealFaktory(version)) await buildRealFaktory();
  const reason = whyNoRealFaktory(version);
  if (reason) throw new Error(`Faktory ${version} cannot run here: ${reason}`);

  const attempts = options.port === undefined ? 3 : 1;
  for (let attempt = 1; ; attempt++) {
    const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'faktory-')));
    const ports = { port: options.port ?? (await freePort()), webPort: await freePort() };
    const faktory = new FaktoryInFolder(version, dir, ports, options);
    try {
      await faktory.start();
      return faktory;
    } catch (error) {
      await faktory.stop();
      if (attempt >= attempts || !(error instanceof FaktoryExited)) throw error;
    }
  }
}

class FaktoryInFolder implements RealFaktory {
  readonly kind = 'real';
  readonly host = '127.0.0.1';
  readonly version: FaktoryVersion;
  readonly dir: string;
  readonly port: number;
  readonly webPort: number;
  readonly password: string | undefined;
  readonly #options: RealFaktoryOptions;
  #child: RunningProcess | undefined;

  constructor(
    version: FaktoryVersion,
    dir: string,
    ports: { port: number; webPort: number },
    options: RealFaktoryOptions,
  ) {
    this.version = version;
    this.dir = dir;
    this.port = ports.port;
    this.webPort = ports.webPort;
    this.password = options.password;
    this.#options = options;
  }

  get url(): string {
    return faktoryUrl(this, this.password);
  }

  get pid(): number {
    if (!this.#child) throw new Error('Faktory was not started');
    return this.#child.pid;
  }

  get redisPid(): number {
    return Number(readFileSync(join(this.dir, 'redis.pid'), 'utf8'));
  }

  get output(): string {
    return this.#child?.output ?? '';
  }

  get exited(): Exit | undefined {
    return this.#child?.exited;
  }

  async start(): Promise<void> {
    layOut(this.dir, this.version, this.#options);
    this.#launch();
    await untilItAnswers(this.#child!, this);
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    this.#child?.kill(signal);
    if (signal === 'SIGKILL') await this.#child?.exit;
  }

  async stop(): Promise<void> {
    if (this.#child) {
      await this.#end(this.#child);
      await this.#child.stop();
    }
    if (this.#options.dir === undefined) rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }

  async restart({ afterRedis = true } = {}): Promise<void> {
    if (afterRedis && this.#child) await this.#end(this.#child);
    this.#launch();
    if (afterRedis) await untilItAnswers(this.#child!, this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #launch(): void {
    const { port, webPort, host, dir } = this;
    const wrap = (this.#options.wrap ?? []).map((word) => word.replaceAll('{dir}', dir));
    const [command, ...before] = [...wrap, faktoryBinary(this.version)];
    this.#child = startProcess(
      command!,
      [
        ...before,
        ...['-b', `${host}:${port}`, '-w', `${host}:${webPort}`, '-d', join(dir, 'db'), '-c', dir],
        ...['-e', 'development', '-l', this.#options.logLevel ?? 'warn'],
      ],
      {
        cwd: dir,
        env: {
          HOME: dir,
          TMPDIR: dir,
          PATH: [join(dir, 'bin'), process.env.PATH].join(delimiter),
          FAKTORY_PASSWORD: this.password,
        },
        ...(this.#options.dir === undefined ? { removeOnDeath: dir } : {}),
      },
    );
  }

  /** Ends Faktory if it still runs, and waits for its Redis, which stores its last state on the way out. */
  async #end(child: RunningProcess): Promise<void> {
    child.kill('SIGTERM');
    child.kill('SIGCONT');
    await child.waitForExit({ timeoutMs: 15_000 });
    const redis = this.#redisPidIfAny();
    if (redis) await until(() => !isAlive(redis), { what: `the exit of redis-server ${redis}` });
  }

  #redisPidIfAny(): number | undefined {
    try {
      return this.redisPid;
    } catch {
      return undefined;
    }
  }
}

/** Redis as Faktory's own documentation says it is set up: a Unix socket, RDB snapshots, nothing evicted. */
const REDIS_CONF = `port 0
save 120 1 30 5
dbfilename faktory.rdb
maxmemory-policy noeviction
`;

/**
 * A wrapper named redis-server comes first in Faktory's PATH. It notes Redis's pid, adds arguments, and gives 1.9.4
 * a configuration of this instance's own: that version reads /tmp/redis.conf, whoever wrote it, and when it is
 * missing writes it without a lock, so two that start at once could read half of it.
 */
function layOut(dir: string, version: FaktoryVersion, options: RealFaktoryOptions): void {
  for (const folder of ['bin', 'db', 'conf.d']) mkdirSync(join(dir, folder), { recursive: true });
  if (options.config !== undefined) writeFileSync(join(dir, 'conf.d', 'test.toml'), options.config);
  writeFileSync(join(dir, 'redis.conf'), REDIS_CONF);

  const wrapper = join(dir, 'bin', 'redis-server');
  const added = (options.redisArgs ?? []).map(quote).join(' ');
  writeFileSync(
    wrapper,
    `#!/bin/sh
echo $$ > ${quote(join(dir, 'redis.pid'))}
conf=$1; shift
${version === '1.9.4' ? `conf=${quote(join(dir, 'redis.conf'))}` : ''}
exec ${quote(redisServer()!)} "$conf" "$@" ${added}
`,
  );
  chmodSync(wrapper, 0o755);
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
