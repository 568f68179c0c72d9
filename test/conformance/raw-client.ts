import { createHash } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { ReplySplitter } from '../helpers/relay/frames.ts';
import { within } from '../helpers/until.ts';

/** What `reply` answers when the server has closed the connection and nothing is left. */
export const CLOSED = 'CLOSED';

/** Precedes the text of a bulk string in what `reply` answers. */
export const BULK = 'bulk ';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * One connection, for the conformance suite: replies in the order of the wire, a closed connection as the last of
 * them. It shares no code with src, so it can judge it.
 */
export class Talk implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #splitter = new ReplySplitter();
  readonly #replies: (string | null)[] = [];
  readonly #waiting: ((reply: string | null) => void)[] = [];
  #closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      for (const frame of this.#splitter.split(chunk)) this.#receive(shown(frame.toString()));
    });
    socket.on('close', () => {
      this.#closed = true;
      for (const resolve of this.#waiting.splice(0)) resolve(CLOSED);
    });
  }

  /** Connects and says nothing; the greeting is the first reply. */
  static silent({ host, port }: Address): Talk {
    return new Talk(connect({ host, port, noDelay: true }));
  }

  /** Connects and says HELLO, as the worker `wid` if one is given. */
  static async open(address: Address, wid?: string): Promise<Talk> {
    const talk = Talk.silent(address);
    await talk.reply();
    const hello = wid === undefined ? {} : { wid, pid: 1, labels: [], hostname: 'suite' };
    const answer = await talk.ask(`HELLO ${JSON.stringify({ v: 2, ...hello })}`);
    if (answer !== '+OK') throw new Error(`HELLO was answered ${answer}`);
    return talk;
  }

  /** Writes as it stands. */
  write(bytes: string | Buffer): void {
    this.#socket.write(bytes);
  }

  /** Writes one line, CRLF added. */
  send(line: string): void {
    this.write(`${line}\r\n`);
  }

  /** The next reply: `+OK`, `-ERR …`, `bulk ` and the text of a bulk string, null for the null one, or CLOSED. */
  reply(): Promise<string | null> {
    const ready = this.#replies.shift();
    if (ready !== undefined) return Promise.resolve(ready);
    if (this.#closed) return Promise.resolve(CLOSED);
    const next = new Promise<string | null>((resolve) => this.#waiting.push(resolve));
    return within(next, 10_000, () => 'no reply within 10 s');
  }

  /** One command, and its reply. */
  ask(line: string): Promise<string | null> {
    this.send(line);
    return this.reply();
  }

  /** As many replies as there are lines, each sent after the reply to the one before. */
  async askAll(...lines: string[]): Promise<(string | null)[]> {
    const replies: (string | null)[] = [];
    for (const line of lines) replies.push(await this.ask(line));
    return replies;
  }

  /** The JSON of a bulk string. */
  async json<T>(line: string): Promise<T> {
    const reply = await this.ask(line);
    if (reply === null || !reply.startsWith(BULK)) throw new Error(`${line} was answered ${reply}`);
    return JSON.parse(reply.slice(BULK.length)) as T;
  }

  /** Reads no more, until `resume`. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Sends FIN and waits until the server has closed, too. */
  async close(): Promise<void> {
    this.#socket.end();
    while ((await this.reply()) !== CLOSED) {}
  }

  /** Cuts the connection off. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
  }

  #receive(reply: string | null): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(reply);
    else this.#replies.push(reply);
  }
}

function shown(frame: string): string | null {
  if (!frame.startsWith('$')) return frame.replace(/\r\n$/, '');
  if (frame.startsWith('$-1')) return null;
  return `${BULK}${frame.slice(frame.indexOf('\n') + 1, -2)}`;
}

/** The proof of a password, written from FAKTORY.md: SHA-256 `rounds` times in all, over password and salt first. */
export function proof(password: string, salt: string, rounds: number): string {
  let digest = createHash('sha256')
    .update(password + salt)
    .digest();
  for (let i = 1; i < rounds; i++) digest = createHash('sha256').update(digest).digest();
  return digest.toString('hex');
}
