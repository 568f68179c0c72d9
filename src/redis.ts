/**
 * A connection to Redis, by ioredis, which is loaded with the first use: a process without REDIS_URL does not pay for
 * it. It comes back by itself; while it is away commands fail soon instead of waiting, and none is sent twice.
 */
import type { Redis, SentinelConnectionOptions } from 'ioredis';
import { MillraceError, messageOf } from './errors.ts';
import type { Logger } from './logger.ts';
import {
  type Endpoint,
  ioredisOptions,
  type RedisAddress,
  showEndpoint,
  showRedis,
} from './redis-address.ts';

export { parseRedisUrl, type RedisAddress } from './redis-address.ts';

/** So long after the connection was lost, or first tried, commands wait for it; after that they fail at once. */
const GRACE_MS = 500;
const REMIND_AFTER_MS = 60_000;
const MOST_REASONS = 20;

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
    const redis = openIoredis(ioredis, this.#address, (reason) => this.#tell(reason));
    redis.on('error', (error) => this.#onError(redis, error));
    redis.on('ready', () => this.#onReady(redis));
    redis.on('close', () => this.#onClose(redis));
    redis.on('end', () => this.#onEnd(redis));
    if (this.#state.is !== 'opening') return redis;
    this.#setState({ is: 'away', since: this.#state.since, redis });
    // Not before its state is known: what fails is told by its events.
    redis.connect().catch(() => {});
    return redis;
  }

  #onError(redis: Redis, error: Error): void {
    if (!isNextRound(error)) this.#tell(`${messageOf(error)}; trying again`);
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

  /** ioredis gives up for good where it hears of a failover while it asks the sentinels. */
  #onEnd(redis: Redis): void {
    if (this.#state.is === 'away') redis.connect().catch(() => {});
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

type Ioredis = Pick<typeof import('ioredis'), 'Redis' | 'SentinelConnector'>;

/** `tell`: hears why a sentinel is of no use. */
function openIoredis(ioredis: Ioredis, address: RedisAddress, tell: (reason: string) => void): Redis {
  const options = ioredisOptions(address);
  if (address.sentinel === undefined) return new ioredis.Redis(options);
  /** ioredis keeps to itself why a sentinel cannot be asked, or writes it to stderr, past the log. */
  class Connector extends ioredis.SentinelConnector {
    constructor(given: unknown) {
      super(given as SentinelConnectionOptions);
      const own = this as unknown as { connectToSentinel: (at: Endpoint, options?: object) => Redis };
      const connect = own.connectToSentinel.bind(this);
      own.connectToSentinel = (at, options) => {
        // By default one that was away holds the process for two seconds after it was given up.
        const sentinel = connect(at, { ...options, disconnectTimeout: 0 });
        sentinel.on('error', (error) => tell(`sentinel at ${showEndpoint(at)}: ${messageOf(error)}`));
        // Closed meanwhile, it would go on to ask them, and to listen for failovers.
        if (!this.connecting) sentinel.disconnect();
        return sentinel;
      };
    }
  }
  const redis = new ioredis.Redis({ ...options, Connector });
  redis.on('sentinelError', ({ message }) => {
    if (message.includes('No such master')) tell(`${message}: is sentinelMasterId right?`);
    // Why it is closed was told.
    else if (!message.endsWith('Connection is closed.')) tell(message);
  });
  return redis;
}

/** What ioredis says when it has asked the last of the sentinels, though one of them may have named a Redis that is gone. */
function isNextRound({ message }: Error): boolean {
  return message.startsWith('All sentinels') && !message.includes('Last error');
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
