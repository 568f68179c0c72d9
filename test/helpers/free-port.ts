import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * The lowest ephemeral port is 32768 on Linux and 49152 elsewhere. Ports handed out here lie below, since a
 * server that a test stops and starts again could otherwise find its port taken by somebody's outgoing
 * connection; worse, a client reconnecting to a closed ephemeral port on loopback can connect to itself.
 */
const LOWEST = 15_000;
const HIGHEST = 31_999;

/** A TCP port of 127.0.0.1 that nobody listens on now. Nothing reserves it: who loses a race for it asks again. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(LOWEST, HIGHEST + 1);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port between ${LOWEST} and ${HIGHEST} after 100 attempts`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
