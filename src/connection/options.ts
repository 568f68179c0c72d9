/** What Client and Worker alike take to reach Faktory. */
import { hostname } from 'node:os';
import { createSecureContext, type ConnectionOptions as TlsOptions } from 'node:tls';
import { faktoryPassword, faktoryUrl, readSetting } from '../config.ts';
import { MillraceError, messageOf } from '../errors.ts';
import { type Logger, resolveLogger } from '../logger.ts';
import { type Hello, PROTOCOL_VERSION } from '../protocol/handshake.ts';
import { hideSecret } from '../redact.ts';
import { type Address, parseAddress } from './address.ts';
import { ConnectionBudget } from './budget.ts';

export interface ConnectOptions {
  /** `tcp://[:password@]host:port`, or `tcp+tls://…` (default: FAKTORY_URL, or the variable FAKTORY_PROVIDER names). */
  url?: string;
  /** Instead of the URL's. */
  host?: string;
  /** Instead of the URL's. */
  port?: number | string;
  /** Default: that of `url`, else FAKTORY_PASSWORD, else that of FAKTORY_URL. */
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
  const inUrl = options.url === undefined ? undefined : parseAddress(options.url).password;
  const password = options.password ?? inUrl ?? faktoryPassword();
  const fromUrl = parseAddress(options.url ?? faktoryUrl(), password);
  hideSecret(fromUrl.password);
  const { maxConnections = readSetting('FAKTORY_MAX_CONNECTIONS') } = options;
  const address = {
    ...fromUrl,
    host: options.host === undefined ? fromUrl.host : checkHost(options.host),
    port: options.port === undefined ? fromUrl.port : checkPort(options.port),
  };
  if (address.tls) checkTlsOptions(options.tlsOptions);
  checkLabels(options.labels ?? []);
  return {
    address,
    budget: typeof maxConnections === 'number' ? new ConnectionBudget(maxConnections) : maxConnections,
    logger: resolveLogger(options.logger),
    tlsOptions: options.tlsOptions,
  };
}

/** A URL in its place would be shown wherever the host is, with its password. */
function checkHost(host: string): string {
  if (/^[^\s/@]+$/.test(host)) return host;
  throw new MillraceError(
    'ADDRESS_INVALID',
    'host is not the name or address of a host: a URL goes into url',
  );
}

function checkPort(port: number | string): number {
  const number = port === '' ? Number.NaN : Number(port);
  if (Number.isInteger(number) && number > 0 && number < 65_536) return number;
  throw new MillraceError('ADDRESS_INVALID', `port is ${JSON.stringify(port)}, it takes 1 to 65535`);
}

function checkLabels(labels: readonly unknown[]): void {
  const wrong = labels.find(
    (label) => typeof label !== 'string' || !/^[^\u0000-\u001f\u007f]{1,128}$/.test(label),
  );
  if (wrong === undefined) return;
  const text = `labels has ${JSON.stringify(wrong)}, it takes texts of 1 to 128 characters, none a control character`;
  throw new MillraceError('CONFIG_INVALID', text);
}

/** Otherwise each attempt to connect would throw, at times when nobody can catch it. */
function checkTlsOptions(tlsOptions: TlsOptions | undefined): void {
  try {
    createSecureContext(tlsOptions);
  } catch (cause) {
    throw new MillraceError('CONFIG_INVALID', `tlsOptions cannot be used: ${messageOf(cause)}`, { cause });
  }
}

/** How a connection introduces itself; with a `wid` it belongs to a worker. */
export function helloOf(wid?: string, labels: string[] = []): Hello {
  const hello: Hello = { v: PROTOCOL_VERSION, hostname: hostname() };
  return wid === undefined ? hello : { ...hello, wid, pid: process.pid, labels };
}
