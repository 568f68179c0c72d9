import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { ReplySplitter } from './relay/frames.ts';
import { within } from './until.ts';

/**
 * A Faktory connection with nothing between the test and the wire: what it sends is what the test wrote, and the
 * replies come back as the server wrote them. It shares no code with src, so it can judge it.
 */
export class RawClient implements AsyncDisposable {
  readonly socket: Socket;
  readonly #splitter = new ReplySplitter();
  readonly #replies: string[] = [];
  readonly #waiting: ((reply: string) => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      for (const frame of this.#splitter.split(chunk)) this.#receive(frame.toString());
    });
  }

  /** Connects without saying anything; the greeting is the first reply. */
  static async connect({ host, port }: { host: string; port: number }): Promise<RawClient> {
    const socket = connect({ host, port, noDelay: true });
    const client = new RawClient(socket);
    await once(socket, 'connect');
    return client;
  }

  /** Writes one line, CRLF added. */
  send(line: string): void {
    this.socket.write(`${line}\r\n`);
  }

  /** The next reply, whole, with its CRLF. */
  async reply({ timeoutMs = 10_000 } = {}): Promise<string> {
    const ready = this.#replies.shift();
    if (ready !== undefined) return ready;
    const next = new Promise<string>((resolve) => this.#waiting.push(resolve));
    return within(next, timeoutMs, () => `no reply within ${timeoutMs} ms`);
  }

  /** One command, and its reply. */
  async ask(line: string): Promise<string> {
    this.send(line);
    return this.reply();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
  }

  #receive(reply: string): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(reply);
    else this.#replies.push(reply);
  }
}
