import type { Socket } from 'node:net';

/**
 * Closes a socket by RST alone. `resetAndDestroy` first sends what is buffered and a FIN, so that the other side
 * may well see an ordinary end. The flag is the one it sets itself (Node's lib/net.js); relay.test.ts notices
 * should a later Node know it no more.
 */
export function resetNow(socket: Socket): void {
  (socket as Socket & { resetAndClosing?: boolean }).resetAndClosing = true;
  socket.destroy();
}
