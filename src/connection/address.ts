import querystring from 'node:querystring';
import { MillraceError } from '../errors.ts';

/** Where a Faktory listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly password: string | undefined;
}

export const DEFAULT_URL = 'tcp://127.0.0.1:7419';
const DEFAULT_PORT = 7419;

/**
 * Reads a Faktory URL: `tcp://[:password@]host[:7419]`, or `tcp+tls://…` for TLS. A password given apart from
 * the URL wins. Throws ADDRESS_INVALID, without the password in its text.
 */
export function parseAddress(url: string, password?: string): Address {
  const scheme = /^(tcp|tcp\+tls):\/\//.exec(url)?.[1];
  // A URL of an unknown scheme is not taken apart the same way on every version: use one that is.
  const parsed = urlOf(url.replace(/^tcp(\+tls)?:\/\//, 'http://'));
  if (scheme === undefined || parsed === undefined || !isBare(parsed)) throw invalid(url, scheme);
  const port = /:(\d+)\/?$/.exec(url.replace(/^[^@]*@/, ''))?.[1];
  // Unlike decodeURIComponent, this leaves a lone % as it is.
  const inUrl = querystring.unescape(parsed.password || parsed.username);
  return {
    host: parsed.hostname.replace(/^\[|\]$/g, ''),
    port: port === undefined ? DEFAULT_PORT : Number(port),
    tls: scheme === 'tcp+tls',
    password: password || inUrl || undefined,
  };
}

/** Not the error of `new URL`: that holds the URL, and so the password. */
function urlOf(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function isBare({ hostname, pathname, search, hash }: URL): boolean {
  return hostname !== '' && ['', '/'].includes(pathname) && search === '' && hash === '';
}

/** The address as it may be shown: never with the password. */
export function showAddress({ host, port, tls }: Address): string {
  return `${tls ? 'tcp+tls' : 'tcp'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function invalid(url: string, scheme: string | undefined): MillraceError {
  // What is right but for what stands where the port does.
  const withoutPort = urlOf(url.replace(/^[^:]*:/, 'http:').replace(/:[^:/@\]]*\/?$/, ''));
  const isPort = scheme !== undefined && withoutPort !== undefined && isBare(withoutPort);
  return new MillraceError(
    'ADDRESS_INVALID',
    `FAKTORY_URL is "${masked(url)}", it takes tcp://host:7419, or tcp+tls://host:7419 for TLS${
      isPort ? '; its port is a number from 1 to 65535' : ''
    }`,
  );
}

/**
 * What is wrong may be the very place of the password: nothing is shown up to the last @ (a password may hold
 * anything), nor where there is none behind a colon that no port follows, nor of a query.
 */
function masked(url: string): string {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(url)?.[0] ?? '';
  const rest = url.slice(scheme.length);
  const at = rest.lastIndexOf('@');
  const host = rest
    .slice(at + 1)
    .replace(/[?#].*$/s, '?…')
    .replace(/^(\[[^\]]*\]|[^:]*):(?!\d{1,5}(?![^/?])).*$/s, '$1:…');
  return scheme + (at === -1 ? host : `…@${host}`);
}
