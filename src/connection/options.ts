/** What Client and Worker alike take to reach Faktory. */
import { hostname } from 'node:os';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { faktoryPassword, faktoryUrl, readSetting } from '../config.ts';
import { createLogger, type Logger, SILENT } from '../logger.ts';
import { type Hello, PROTOCOL_VERSION } from '../protocol/handshake.ts';
import { type Address, parseAddress } from './address.ts';
import { ConnectionBudget } from './budget.ts';

export interface ConnectOptions {
  /** `tcp://[:password@]host:port`, or `tcp+tls://…` (default: FAKTORY_URL, or the variable FAKTORY_PROVIDER names). */
  url?: string;
  /** Instead of the URL's. */
  host?: string;
  /** Instead of the URL's. */
  port?: number | string;
  /** Default: the URL's, or FAKTORY_PASSWORD. */
  password?: string;
  /** Passed to `tls.connect`; certificates are verified unless it says otherwise. */
  tlsOptions?: TlsOptions;
  /** Shown by Faktory beside the worker. */
  labels?: string[];
  /** Sockets that may be open at once (default FAKTORY_MAX_CONNECTIONS, 64), or a budget shared with others. */
  maxConnections?: number | ConnectionBudget;
  /** A pino logger, or false for silence (default: pino, by LOG_LEVEL and LOG_PRETTY). */
  logger?: Logger | false;
}

export interface Link {
  readonly address: Address;
  readonly budget: ConnectionBudget;
  readonly logger: Logger;
  readonly tlsOptions: TlsOptions | undefined;
}

/** Fills in what the options leave to the environment. Throws ADDRESS_INVALID and CONFIG_INVALID. */
export function resolveLink(options: ConnectOptions): Link {
  const fromUrl = parseAddress(options.url ?? faktoryUrl(), options.password ?? faktoryPassword());
  const { maxConnections = readSetting('FAKTORY_MAX_CONNECTIONS') } = options;
  return {
    address: {
      ...fromUrl,
      host: options.host ?? fromUrl.host,
      port: options.port === undefined ? fromUrl.port : Number(options.port),
    },
    budget: typeof maxConnections === 'number' ? new ConnectionBudget(maxConnections) : maxConnections,
    logger: resolveLogger(options.logger),
    tlsOptions: options.tlsOptions,
  };
}

function resolveLogger(logger: Logger | false | undefined): Logger {
  if (logger === false) return SILENT;
  return logger ?? createLogger({ level: readSetting('LOG_LEVEL'), pretty: readSetting('LOG_PRETTY') });
}

/** How a connection introduces itself; with a `wid` it belongs to a worker. */
export function helloOf(wid?: string, labels: string[] = []): Hello {
  const hello: Hello = { v: PROTOCOL_VERSION, hostname: hostname() };
  return wid === undefined ? hello : { ...hello, wid, pid: process.pid, labels };
}
