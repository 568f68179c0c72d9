/** HTTP as bytes, for what no client library would send. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Service } from './service.ts';

/** Has the API of `service` listen, and gives its port. */
export async function listen({ api }: Service): Promise<number> {
  await api.app.listen({ host: '127.0.0.1', port: 0 });
  return (api.app.server.address() as { port: number }).port;
}

export interface HttpPeer extends AsyncDisposable {
  readonly socket: Socket;
  /** All that came. */
  text: string;
}

/** A connection from `localAddress` (any of 127.0.0.0/8). */
export async function openPeer(port: number, localAddress = '127.0.0.1'): Promise<HttpPeer> {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  const peer: HttpPeer = { socket, text: '', [Symbol.asyncDispose]: async () => void socket.destroy() };
  socket.on('error', () => {});
  socket.on('data', (bytes) => {
    peer.text += bytes.toString();
  });
  await once(socket, 'connect');
  return peer;
}

/** Sends bytes and returns what comes until the other side ends. */
export async function exchange(port: number, bytes: string): Promise<string> {
  await using peer = await openPeer(port);
  peer.socket.write(bytes);
  await once(peer.socket, 'close');
  return peer.text;
}

/** Status and code of every answer, in their order: `202`, `404 NOT_FOUND`. */
export function answersIn(text: string): string[] {
  const answers = text.split(/(?=HTTP\/1\.1 \d{3} )/).filter((part) => part.startsWith('HTTP/'));
  return answers.map((answer) => {
    const code = /"code":"([A-Z_]+)"/.exec(answer)?.[1];
    return [answer.slice(9, 12), ...(code === undefined ? [] : [code])].join(' ');
  });
}
