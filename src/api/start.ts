import type { AddressInfo } from 'node:net';
import { readSetting } from '../config.ts';
import { MillraceError, messageOf } from '../errors.ts';
import { within } from '../within.ts';
import { Api, type ApiOptions } from './app.ts';
import { refuseExposure } from './exposure.ts';
import { tokensOf } from './options.ts';

export interface StartApiOptions extends ApiOptions {
  /** Address to listen on (default API_HOST, 127.0.0.1). */
  host?: string;
  /** Port to listen on; 0 takes a free one (default API_PORT, 3000). */
  port?: number;
  /** Allows listening beyond loopback without a token (default API_INSECURE, false). */
  insecure?: boolean;
  /**
   * So long it waits for its connection to Faktory before it listens (default 0). For one of several that share a port:
   * whom it serves must not hear 503 while the others are ready.
   */
  connectFirstMs?: number;
}

export interface RunningApi extends AsyncDisposable {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly api: Api;
  /** Answers what it took, then ends. Safe to call twice. */
  close(): Promise<void>;
}

/** Starts the API, whether Faktory can be reached or not. Throws CONFIG_INVALID (also when it would be open to others without a token), PORT_TAKEN. */
export async function startApi(options: StartApiOptions = {}): Promise<RunningApi> {
  const host = options.host ?? readSetting('API_HOST');
  const token = tokensOf(options);
  refuseExposure(host, token.length > 0, options.insecure ?? readSetting('API_INSECURE'));
  const port = options.port ?? readSetting('API_PORT');
  const hosts = [...(options.hosts ?? readSetting('API_HOSTS')), host];
  const api = new Api({ ...options, token, hosts });
  const { connectFirstMs = 0 } = options;
  if (connectFirstMs > 0) await within(api.connect(), connectFirstMs);
  try {
    await api.app.listen({ host, port, backlog: 1_024 });
  } catch (cause) {
    await api.close();
    throw cannotListen(host, port, cause);
  }
  // Nothing was said of Faktory before it was known that the port is free.
  if (connectFirstMs === 0) void api.connect();
  const { port: listening } = api.app.server.address() as AddressInfo;
  return {
    host,
    port: listening,
    api,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${listening}`,
    close: () => api.close(),
    [Symbol.asyncDispose]: () => api.close(),
  };
}

function cannotListen(host: string, port: number, cause: unknown): MillraceError {
  switch ((cause as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return new MillraceError(
        'PORT_TAKEN',
        `port ${port} of ${host} is taken: end what listens there, or set API_PORT to another`,
        { cause },
      );
    case 'EACCES':
      return new MillraceError(
        'CONFIG_INVALID',
        `API_PORT is "${port}", which this user may not listen on: set it to one from 1024`,
        { cause },
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new MillraceError(
        'CONFIG_INVALID',
        `API_HOST is "${host}", it takes an address of this machine: 127.0.0.1, or 0.0.0.0 for all`,
        { cause },
      );
    default:
      return new MillraceError(
        'CONFIG_INVALID',
        `the API cannot listen on ${host}:${port}: ${messageOf(cause)}`,
        { cause },
      );
  }
}
