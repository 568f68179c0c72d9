/** How the API's connections end: each with an answer to what it still sends. */
import type { Server } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

/** How long kept-alive connections may still bring a request, to be told that it goes elsewhere. */
const LINGER_MS = 300;
/** How often connections that have become idle are ended while it closes. */
const SWEEP_MS = 25;
/** How long a connection may then still read its answer, or send the rest of a request. */
const LAST_WORDS_MS = 500;

/**
 * A kept-alive connection that looks idle may have a request on its way, which would be lost with it: for a moment each
 * still gets an answer, and that ends it. Whoever has no request then is ended without.
 */
export async function linger(server: Server): Promise<void> {
  const end = performance.now() + LINGER_MS;
  const open = (): Promise<number> =>
    new Promise((resolve) => server.getConnections((_error, count) => resolve(count ?? 0)));
  while (performance.now() < end && (await open()) > 0) await pause(SWEEP_MS);
}

/** `app.close()` waits for every connection: here they are ended, each as soon as it may be. */
export function sweepConnections(server: Server): () => void {
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
  const end = setTimeout(() => server.closeAllConnections(), LAST_WORDS_MS);
  return () => {
    clearInterval(sweep);
    clearTimeout(end);
  };
}
