import net from 'node:net';
import tls from 'node:tls';
import type { Address } from './address.ts';

/**
 * A socket that connects, with TLS where the address says so and never without it then. The name is looked up
 * each time: Faktory may have moved.
 */
export function openSocket(address: Address, tlsOptions: tls.ConnectionOptions | undefined): net.Socket {
  const { host, port } = address;
  const socket = address.tls
    ? tls.connect({
        host,
        port,
        minVersion: 'TLSv1.2',
        ...(net.isIP(host) ? {} : { servername: host }),
        ...tlsOptions,
      })
    : net.connect({ host, port });
  socket.setNoDelay(true);
  socket.setKeepAlive(true, 15_000);
  return socket;
}

/**
 * Rises as the system takes bytes. Of a write under way Node says only here how much of it is left; its own
 * socket timeout looks at the same.
 */
export function takenBytes(socket: net.Socket): number {
  const { _handle: handle } = socket as { _handle?: { writeQueueSize?: number } | null };
  return socket.bytesWritten - socket.writableLength - (handle?.writeQueueSize ?? 0);
}
