/**
 * By which names the API is reached where no token protects it. A web page may have its own name point at our address
 * (DNS rebinding): the browser then takes us for the page's own site, and sends neither Origin nor a warning word, but
 * the page's name still stands in Host. A name of the public DNS is therefore taken only if it is named.
 */
import { isIP } from 'node:net';
import { hostname } from 'node:os';

/** Most different Host headers that are remembered as known: more than anyone has names for one service. */
const MOST_KNOWN = 100;

/** Says whether a Host header names this API: by one of `hosts`, the machine's own name, or what no web page can have. */
export function hostRule(hosts: readonly string[]): (host: string) => boolean {
  const named = new Set([...hosts, hostname()].map(withoutDot));
  // Nearly all requests bring the same.
  const known = new Set<string>();
  return (host) => {
    if (known.has(host)) return true;
    const name = nameOf(host);
    if (name === undefined || !(isUnownable(name) || named.has(name))) return false;
    if (known.size < MOST_KNOWN) known.add(host);
    return true;
  };
}

/** The name or address in a Host header, in lower case, without port and the dot of the root; undefined: it is none. */
export function nameOf(host: string): string | undefined {
  const [, bracketed, plain] = /^(?:\[([\da-f:.]{2,45})\]|([\w.-]{1,255}))(?::\d{0,5})?$/i.exec(host) ?? [];
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? bracketed.toLowerCase() : undefined;
  return plain === undefined ? undefined : withoutDot(plain) || undefined;
}

/** Nobody can register it and have it point here: an address, a name of this machine, one of a private network. */
function isUnownable(name: string): boolean {
  return isIP(name) !== 0 || !name.includes('.') || name.endsWith('.localhost');
}

function withoutDot(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}
