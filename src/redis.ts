/**
 * A connection to Redis, by ioredis, which is loaded with the first use: a process without REDIS_URL does not pay for
 * it. It comes back by itself; while it is away commands fail soon instead of waiting, and none is sent twice.
 */
import type { Redis, RedisOptions } from 'ioredis';
import { MillraceError, messageOf } from './errors.ts';
import type { Logger } from './logger.ts';
import { hideSecret } from './redact.ts';

/** Where a Redis is. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Number of the database. */
  readonly db: number;
  readonly tls: boolean;
}

/** How long an answer may take. */
const COMMAND_TIMEOUT_MS = 1_000;
/** So long after the connection was lost, or first tried, commands wait for it; after that they fail at once. */
const GRACE_MS = 500;
/** An answer that is so late: the connection is dead, and another one is tried. */
const SILENCE_MS = 3_000;
const CONNECT_TIMEOUT_MS = 3_000;
const MAX_RECONNECT_MS = 1_000;
const REMIND_AFTER_MS = 60_000;
const MOST_REASONS = 20;

const TAKES = 'redis://[[user]:password@]host[:port][/database], or rediss:// for TLS';

/** Reads REDIS_URL, and has its password hidden from logs. Throws CONFIG_INVALID, in which no part of it is shown. */
export function parseRedisUrl(url: string, shownAs = 'REDIS_URL'): RedisAddress {
  const wrong = (why: string): MillraceError =>
    new MillraceError('CONFIG_INVALID', `${shownAs} ${why}, it takes ${TAKES}`);
  if (!URL.canParse(url)) throw wrong('is not a URL (write special characters of a password as %2F, %40, …)');
  const { protocol, hostname, port, pathname, search, hash, username, password } = new URL(url);
  hideSecret(password);
  if (protocol !== 'redis:' && protocol !== 'rediss:') throw wrong('is not the URL of a Redis');
  if (hostname === '') throw wrong('names no host');
  const db = /^\/?$/.test(pathname) ? 0 : Number(/^\/(\d{1,5})$/.exec(pathname)?.[1]);
  if (Number.isNaN(db)) throw wrong('has a database that is no number');
  if (search !== '' || hash !== '') throw wrong('has a ? or a # (in a password: %3F, %23)');
  const secret = decoded(password, wrong);
  hideSecret(secret);
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? 6_379 : Number(port),
    username: decoded(username, wrong) || undefined,
    password: secret || undefined,
    db,
    tls: protocol === 'rediss:',
  };
}

/** As it may be shown. */
export function showRedis({ host, port }: RedisAddress): string {
  return `Redis at ${host.includes(':') ? `[${host}]` : host}:${port}`;
}

export interface RedisLinkOptions {
  address: RedisAddress;
  logger: Logger;
}

/**
 * The life of a link: unused until the first command or `connect()`, then it opens; up while commands can be sent,
 * away while it is tried again, and closed for good.
 */
type State =
  | { readonly is: 'unused' | 'closed' }
  | { readonly is: 'opening'; readonly since: number; readonly redis: Promise<Redis> }
  | { readonly is: 'up'; readonly redis: Redis }
  | { readonly is: 'away'; readonly since: number; readonly redis: Redis };

const NEXT: Record<State['is'], readonly State['is'][]> = {
  unused: ['opening', 'closed'],
  opening: ['away', 'closed'],
  away: ['up', 'closed'],
  up: ['away', 'closed'],
  closed: [],
};

export class RedisLink {
  readonly #address: RedisAddress;
  readonly #logger: Logger;
  #state: State = { is: 'unused' };
  /** Commands that wait until it is up; called with nothing when they wait no longer. */
  #waiters = new Set<() => void>();
  /** Why it is away, and when that was told. */
  readonly #told = new Map<string, number>();

  constructor({ address, logger }: RedisLinkOptions) {
    this.#address = address;
    this.#logger = logger;
  }

  /** Whether commands can be sent just now. */
  get connected(): boolean {
    return this.#state.is === 'up';
  }

  /** Opens the connection now rather than at the first command. Failures are logged, and it is tried again. */
  connect(): void {
    if (this.#state.is !== 'unused') return;
    const redis = this.#open();
    this.#setState({ is: 'opening', since: performance.now(), redis });
    // Whoever sends a command is told; there may be nobody yet.
    redis.catch((error) => this.#tell(`ioredis could not be loaded: ${messageOf(error)}`));
  }

  /**
   * Hands a connection that is up to `work`, and comes to what that does. Rejects with REDIS_UNAVAILABLE after 1.5 s
   * at most; whether a command that was sent then was carried out is not known.
   */
  async use<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    this.connect();
    const redis = await this.#ready();
    try {
      return await work(redis);
    } catch (cause) {
      // Why a connection broke is told already; a Redis that is there may be full, or stand still.
      if (this.connected) this.#tell(messageOf(cause));
      const text = `${showRedis(this.#address)} did not do what was asked: ${messageOf(cause)}`;
      throw new MillraceError('REDIS_UNAVAILABLE', text, { cause });
    }
  }

  /** Runs a Lua script of one key; its text travels only to a Redis that does not have it yet. Rejects as `use`. */
  script(lua: string, key: string, args: readonly (string | number)[]): Promise<unknown> {
    const name = nameOf(lua);
    return this.use((redis) => {
      const commands = redis as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
      if (commands[name] === undefined) redis.defineCommand(name, { lua, numberOfKeys: 1 });
      return commands[name]!(key, ...args);
    });
  }

  /** At once; commands that are on their way fail. Safe to call again. */
  close(): void {
    const state = this.#state;
    if (state.is === 'closed') return;
    this.#setState({ is: 'closed' });
    if (state.is === 'opening') state.redis.then((redis) => redis.disconnect()).catch(() => {});
    if (state.is === 'up' || state.is === 'away') state.redis.disconnect();
  }

  async #open(): Promise<Redis> {
    const ioredis = await import('ioredis');
    const redis = new ioredis.Redis(optionsOf(this.#address));
    redis.on('error', (error) => this.#onError(redis, error));
    redis.on('ready', () => this.#onReady(redis));
    redis.on('close', () => this.#onClose(redis));
    if (this.#state.is !== 'opening') return redis;
    this.#setState({ is: 'away', since: this.#state.since, redis });
    // Not before its state is known: what fails is told by its events.
    redis.connect().catch(() => {});
    return redis;
  }

  #onError(redis: Redis, error: Error): void {
    this.#tell(`${messageOf(error)}; trying again`);
    // ioredis would go on in database 0, among what others keep there.
    if (error.message.includes('DB index')) redis.disconnect(true);
  }

  #onReady(redis: Redis): void {
    if (this.#state.is !== 'away') return;
    this.#setState({ is: 'up', redis });
    if (this.#told.size === 0) return;
    this.#told.clear();
    this.#logger.info({}, `connected to ${showRedis(this.#address)} again`);
  }

  #onClose(redis: Redis): void {
    if (this.#state.is !== 'up') return;
    this.#setState({ is: 'away', since: performance.now(), redis });
    this.#tell('the connection was lost; trying again');
  }

  /** The connection once it is up, for which it waits only while it is newly away. */
  async #ready(): Promise<Redis> {
    const state = this.#state;
    if (state.is === 'up') return state.redis;
    if (state.is === 'opening' || state.is === 'away') {
      const left = state.since + GRACE_MS - performance.now();
      if (left > 0) await this.#changed(left);
    }
    const after = this.#state;
    if (after.is === 'up') return after.redis;
    throw new MillraceError('REDIS_UNAVAILABLE', `${showRedis(this.#address)} cannot be reached`);
  }

  /** Resolves when it is up or closed, or after so long. */
  #changed(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#waiters.add(done);
    });
  }

  #setState(next: State): void {
    if (!NEXT[this.#state.is].includes(next.is))
      throw new Error(`a link to Redis cannot go from ${this.#state.is} to ${next.is}`);
    this.#state = next;
    if (next.is === 'up' || next.is === 'closed') for (const done of [...this.#waiters]) done();
  }

  /** Each new reason once, the same one again each minute. */
  #tell(reason: string): void {
    if (this.#state.is === 'closed') return;
    const now = performance.now();
    if (now - (this.#told.get(reason) ?? Number.NEGATIVE_INFINITY) < REMIND_AFTER_MS) return;
    // Reasons are few, unless one of them names what changes.
    if (this.#told.size >= MOST_REASONS) return;
    this.#told.set(reason, now);
    this.#logger.warn({ code: 'REDIS_UNAVAILABLE' }, `${showRedis(this.#address)} (REDIS_URL): ${reason}`);
  }
}

function optionsOf({ host, port, username, password, db, tls }: RedisAddress) {
  return {
    host,
    port,
    db,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
    // Whichever address family the name has.
    family: 0,
    // RESP2 and no more than was there in Redis 5.
    protocol: 2,
    disableClientInfo: true,
    lazyConnect: true,
    commandTimeout: COMMAND_TIMEOUT_MS,
    socketTimeout: SILENCE_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: (attempt: number) =>
      Math.min(50 * 2 ** attempt, MAX_RECONNECT_MS) * (0.5 + Math.random() / 2),
    // A command that may have been carried out is not for the connection to send again: its sender knows better.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // After a failover the old primary answers so: it is time to look the name up again.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  } satisfies RedisOptions;
}

/** A script is told from others by its text. */
const names = new Map<string, string>();
function nameOf(lua: string): string {
  let name = names.get(lua);
  if (name === undefined) {
    name = `millraceScript${names.size}`;
    names.set(lua, name);
  }
  return name;
}

function decoded(text: string, wrong: (why: string) => MillraceError): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong('has a user or a password with a % that begins no character (write it as %25)');
  }
}
