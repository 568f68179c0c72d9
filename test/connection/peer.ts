import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import tls from 'node:tls';
import type { Address } from '../../src/connection/address.ts';
import { resetNow } from '../helpers/relay/reset.ts';
import { until } from '../helpers/until.ts';

/** What a peer says to a command: a whole reply, or undefined to swallow it. `link` can do more. */
export type Script = (command: string, link: PeerLink) => string | undefined;

export interface PeerOptions {
  /** Said on connecting; '' says nothing. */
  hi?: string;
  /** Said to HELLO. */
  welcome?: string | ((hello: string, link: PeerLink) => string);
  script?: Script;
  /** Makes it a TLS server. */
  tls?: tls.TlsOptions;
  port?: number;
  /** Another address of loopback than 127.0.0.1. */
  host?: string;
}

export const HI = '+HI {"v":2}\r\n';
export const OK = '+OK\r\n';
export const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
export const ALL_STORED = bulk('{}');
/** Faktory's, for jobs that are fine. */
export const friendly: Script = (command) => (command.startsWith('PUSHB ') ? ALL_STORED : OK);

/** The jids of a PUSHB, in its order. */
export function jidsOf(command: string): string[] {
  return (JSON.parse(command.slice('PUSHB '.length)) as { jid: string }[]).map(({ jid }) => jid);
}

/** One accepted connection. */
export class PeerLink {
  readonly socket: Socket;
  readonly number: number;
  hello: string | undefined;
  /** What came after HELLO, line by line. */
  readonly commands: string[] = [];
  /** What came after HELLO, as it was read: over TLS, one write of the client each. */
  readonly chunks: string[] = [];
  closed = false;

  constructor(socket: Socket, number: number) {
    this.socket = socket;
    this.number = number;
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
    });
  }

  say(text: string): void {
    this.socket.write(text);
  }

  /** Ends it by FIN. */
  cut(): void {
    this.socket.destroy();
  }

  /** Ends it by RST. */
  reset(): void {
    resetNow(this.socket);
  }
}

/** A fake Faktory on loopback that does as its script says: for faults that a good one does not have. */
export class Peer implements AsyncDisposable {
  readonly links: PeerLink[] = [];
  /** All commands of all links, in the order of their arrival. */
  readonly commands: string[] = [];
  script: Script;
  /** Said on connecting from now on; '' says nothing. */
  hi: string;
  readonly #options: PeerOptions;
  readonly #server;

  private constructor(options: PeerOptions) {
    this.#options = options;
    this.script = options.script ?? friendly;
    this.hi = options.hi ?? HI;
    const accept = (socket: Socket): void => this.#accept(socket);
    this.#server = options.tls
      ? tls.createServer({ ...options.tls, noDelay: true }, accept)
      : createServer({ noDelay: true }, accept);
    this.#server.on('tlsClientError', () => {});
  }

  static async start(options: PeerOptions | Script = {}): Promise<Peer> {
    const peer = new Peer(typeof options === 'function' ? { script: options } : options);
    peer.#server.listen(peer.#options.port ?? 0, peer.#options.host ?? '127.0.0.1');
    await once(peer.#server, 'listening');
    return peer;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `${this.#options.tls ? 'tcp+tls' : 'tcp'}://127.0.0.1:${this.port}`;
  }

  get address(): Address {
    const { port } = this;
    return { host: '127.0.0.1', port, tls: this.#options.tls !== undefined, password: undefined };
  }

  /** Links that are open. */
  get open(): PeerLink[] {
    return this.links.filter((link) => !link.closed);
  }

  /** The link of that number (0 is the first), once it was accepted. */
  link(number: number): Promise<PeerLink> {
    return until(() => this.links[number], { what: `connection ${number} at the peer` });
  }

  /** Waits until so many commands have come, and returns all. */
  async received(count: number): Promise<string[]> {
    await until(() => this.commands.length >= count, {
      what: () => `${count} commands, got ${JSON.stringify(this.commands)}`,
    });
    return this.commands;
  }

  async close(): Promise<void> {
    for (const link of this.links) link.cut();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #accept(socket: Socket): void {
    const link = new PeerLink(socket, this.links.length);
    let partial: Buffer[] = [];
    this.links.push(link);
    socket.on('data', (chunk: Buffer) => {
      if (link.hello !== undefined) link.chunks.push(chunk.toString());
      partial.push(chunk);
      if (!chunk.includes('\n')) return;
      const lines = Buffer.concat(partial).toString().split('\r\n');
      partial = [Buffer.from(lines.pop()!)];
      for (const line of lines) this.#onLine(line, link);
    });
    link.say(this.hi);
  }

  #onLine(line: string, link: PeerLink): void {
    if (link.hello === undefined) {
      link.hello = line;
      const { welcome = OK } = this.#options;
      link.say(typeof welcome === 'string' ? welcome : welcome(line, link));
      return;
    }
    if (line === 'END') return link.cut();
    link.commands.push(line);
    this.commands.push(line);
    const reply = this.script(line, link);
    if (reply !== undefined) link.say(reply);
  }
}
