/**
 * REDIS_URL: what it may say, how that is shown, and what it means to ioredis. Of a Redis that fails over it is written
 * as lettuce, the Redis client of Java, writes it; the login of the sentinels is an addition of ours.
 */
import type { RedisOptions } from 'ioredis';
import { MillraceError } from './errors.ts';
import { hideSecret } from './redact.ts';

/** Where something listens. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

interface Login {
  readonly username: string | undefined;
  readonly password: string | undefined;
}

/** Where a Redis is, and how one gets in. */
export interface RedisAddress extends Login {
  /** Of Redis itself; with `sentinel`: of those who know where it is now. */
  readonly endpoints: readonly [Endpoint, ...Endpoint[]];
  readonly sentinel: SentinelAddress | undefined;
  /** Number of the database. */
  readonly db: number;
  /** To the sentinels, too. */
  readonly tls: boolean;
}

/** What sentinels want to be asked; the login is theirs alone. */
export interface SentinelAddress extends Login {
  /** Their name for the primary and its replicas. */
  readonly masterId: string;
}

/** How long an answer may take. */
const COMMAND_TIMEOUT_MS = 1_000;
/** An answer that is so late: the connection is dead, and another one is tried. */
const SILENCE_MS = 3_000;
const CONNECT_TIMEOUT_MS = 3_000;
const MAX_RECONNECT_MS = 1_000;
/** After none of the sentinels could say. */
const ASK_AGAIN_MS = 500;

const REDIS_PORT = 6_379;
const SENTINEL_PORT = 26_379;

const TAKES =
  'redis://[[user]:password@]host[:port][/database], or ' +
  'redis-sentinel://[[user]:password@]host[:port],…[/database]?sentinelMasterId=name[&sentinelPassword=…], ' +
  'with rediss in place of redis for TLS';

type Wrong = (why: string) => MillraceError;

/** Reads REDIS_URL, and has its passwords hidden from logs. Throws CONFIG_INVALID, in which no part of it is shown. */
export function parseRedisUrl(url: string, shownAs = 'REDIS_URL'): RedisAddress {
  const wrong: Wrong = (why) => new MillraceError('CONFIG_INVALID', `${shownAs} ${why}, it takes ${TAKES}`);
  const [first, ...others] = splitHosts(url);
  const { protocol, hostname, port, pathname, search, hash, username, password } = urlOf(first, wrong);
  hideSecret(password);
  const scheme = /^(rediss?)(-sentinel)?:$/.exec(protocol);
  if (scheme === null) throw wrong('is not the URL of a Redis');
  const sentinel = scheme[2] === undefined ? undefined : sentinelOf(search, hash, wrong);
  const defaultPort = sentinel === undefined ? REDIS_PORT : SENTINEL_PORT;
  const endpoints: [Endpoint, ...Endpoint[]] = [endpointOf({ hostname, port }, defaultPort, wrong)];
  for (const other of others) endpoints.push(endpointOf(urlOf(other, wrong), defaultPort, wrong));
  if (sentinel === undefined && hostname.includes(','))
    throw wrong('names several hosts, as only redis-sentinel:// can');
  const db = /^\/?$/.test(pathname) ? 0 : Number(/^\/(\d{1,5})$/.exec(pathname)?.[1]);
  if (Number.isNaN(db)) throw wrong('has a database that is no number');
  if (sentinel === undefined && (search !== '' || hash !== ''))
    throw wrong('has a ? or a # (in a password: %3F, %23)');
  const secret = decoded(password, wrong);
  hideSecret(secret);
  return {
    endpoints,
    sentinel,
    username: decoded(username, wrong) || undefined,
    password: secret || undefined,
    db,
    tls: scheme[1] === 'rediss',
  };
}

/** As it may be shown. */
export function showRedis({ endpoints, sentinel }: RedisAddress): string {
  const all = endpoints.map(showEndpoint);
  if (sentinel === undefined) return `Redis at ${all[0]}`;
  return `Redis ${sentinel.masterId} of the sentinels at ${all.join(', ')}`;
}

export function showEndpoint({ host, port }: Endpoint): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The URL with its first host alone, then one of each other host: a URL has room for one. */
function splitHosts(url: string): [string, ...string[]] {
  const parts = /^(rediss?-sentinel:\/\/(?:[^/?#]*@)?)([^/?#@]*)(.*)$/is.exec(url);
  if (parts === null) return [url];
  const [, before, hosts, after] = parts;
  const [first, ...others] = hosts!.split(',');
  return [before! + first + after, ...others.map((host) => `redis://${host}`)];
}

function urlOf(text: string, wrong: Wrong): URL {
  if (!URL.canParse(text))
    throw wrong('is not a URL (write special characters of a password as %2F, %40, …)');
  return new URL(text);
}

function endpointOf(
  { hostname, port }: Pick<URL, 'hostname' | 'port'>,
  defaultPort: number,
  wrong: Wrong,
): Endpoint {
  if (hostname === '') throw wrong('names no host');
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? defaultPort : Number(port) };
}

const PARAMETERS = new Set(['sentinelMasterId', 'sentinelUsername', 'sentinelPassword']);

function sentinelOf(search: string, hash: string, wrong: Wrong): SentinelAddress {
  const given = new Map<string, string>();
  for (const part of search.slice(1).split('&')) {
    const [, name, value] = /^([^=]*)=?(.*)$/s.exec(part)!;
    if (name === 'sentinelPassword') hideSecret(value);
    if (part === '') continue;
    if (!PARAMETERS.has(name!) || given.has(name!))
      throw wrong(`takes ${[...PARAMETERS].join(', ')} after its ?, each once (in a password: %26 for &)`);
    // Not as in a form, where a + is a space.
    given.set(name!, decoded(value!, wrong));
  }
  const password = given.get('sentinelPassword') || undefined;
  hideSecret(password);
  if (hash !== '') throw wrong('has a # (in a password: %23)');
  const masterId = given.get('sentinelMasterId') ?? '';
  // Sentinels know no other names, and this one is shown.
  if (!/^[\w.-]+$/.test(masterId))
    throw wrong('needs ?sentinelMasterId=, the name of the primary in the configuration of its sentinels');
  const username = given.get('sentinelUsername') || undefined;
  if (username !== undefined && password === undefined)
    throw wrong('has a sentinelUsername without a sentinelPassword');
  return { masterId, username, password };
}

function decoded(text: string, wrong: Wrong): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong('has a user or a password with a % that begins no character (write it as %25)');
  }
}

/** What ioredis is made with. */
export function ioredisOptions(address: RedisAddress): Omit<RedisOptions, 'replyMapping'> {
  const { endpoints, sentinel, username, password, db, tls } = address;
  return {
    ...(sentinel === undefined ? endpoints[0] : sentinelOptions(endpoints, sentinel, tls)),
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
    // After a failover the old primary answers so, within a longer text where a script asked (Redis 6 and older): it is
    // time to look the name up, or to ask the sentinels, again.
    reconnectOnError: (error: Error) => error.message.includes('READONLY'),
  };
}

function sentinelOptions(
  endpoints: readonly Endpoint[],
  { masterId, username, password }: SentinelAddress,
  tls: boolean,
): Omit<RedisOptions, 'replyMapping'> {
  return {
    sentinels: endpoints.map((endpoint) => ({ ...endpoint })),
    name: masterId,
    ...(username === undefined ? {} : { sentinelUsername: username }),
    ...(password === undefined ? {} : { sentinelPassword: password }),
    ...(tls ? { sentinelTLS: {}, enableTLSForSentinelMode: true } : {}),
    sentinelCommandTimeout: COMMAND_TIMEOUT_MS,
    // Without end: ioredis would not come back by itself.
    sentinelRetryStrategy: () => ASK_AGAIN_MS,
    // An old primary that lives on without them would go on answering, and forget it all when it is found.
    failoverDetector: true,
  };
}
