import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';

/** A TCP server that sends back what it gets, or answers as told. */
export class EchoServer implements AsyncDisposable {
  readonly host = '127.0.0.1';
  readonly sockets = new Set<Socket>();
  /** All that arrived, of all connections. */
  received = '';
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(answer: (chunk: Buffer, socket: Socket) => void = echo): Promise<EchoServer> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const echoServer = new EchoServer(server);
    server.on('connection', (socket) => echoServer.#accept(socket, answer));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return echoServer;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(socket: Socket, answer: (chunk: Buffer, socket: Socket) => void): void {
    this.sockets.add(socket);
    socket.on('data', (chunk) => {
      this.received += chunk.toString('latin1');
      answer(chunk, socket);
    });
    socket.on('end', () => socket.end());
    socket.on('error', () => {});
    socket.on('close', () => this.sockets.delete(socket));
  }
}

function echo(chunk: Buffer, socket: Socket): void {
  socket.write(chunk);
}
