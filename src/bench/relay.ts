/**
 * A relay that stands for a longer way: what arrives leaves in its order, `delayMs` later, in both directions, and is
 * counted. Latency is all it makes; faults are made by the relay of the tests. Connections are accepted at once, so of
 * a TCP handshake over such a way one round trip is missing.
 */
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

export interface RelayOptions {
  /** Where it leads. */
  readonly host: string;
  readonly port: number;
  /** One way. */
  readonly delayMs: number;
}

export interface Relay {
  /** On 127.0.0.1. */
  readonly port: number;
  /** That arrived so far, both directions together. */
  readonly bytes: number;
  close(): void;
}

export async function startRelay({ host, port, delayMs }: RelayOptions): Promise<Relay> {
  const open = new Set<Socket>();
  let bytes = 0;
  const count = (length: number): void => {
    bytes += length;
  };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const faktory = connect({ host, port, allowHalfOpen: true, noDelay: true });
    for (const [from, to] of [
      [client, faktory],
      [faktory, client],
    ] as const) {
      open.add(from);
      join(from, to, delayMs, count);
      from.once('close', () => open.delete(from));
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: 0, backlog: 2_048 }, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    get bytes() {
      return bytes;
    },
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

function join(from: Socket, to: Socket, delayMs: number, count: (length: number) => void): void {
  const direction = new Direction(from, to, delayMs);
  from.on('data', (chunk) => {
    count(chunk.length);
    direction.send(chunk);
  });
  from.on('end', () => direction.finish('end'));
  // Always followed by `close`.
  from.on('error', () => {});
  from.on('close', (failed) => {
    if (failed) direction.finish('cut');
  });
}

type Ending = 'end' | 'cut';

interface Parcel {
  readonly due: number;
  readonly what: Buffer | Ending;
}

/**
 * Timers count whole milliseconds and fire late by up to one: one is set a millisecond short, and what is due within
 * one leaves. So round trips come out right to a few tenths.
 */
const EARLY_MS = 1;

/** More than any link needs that is not stalled; then the sender is held back. */
const MOST_HELD_BYTES = 16 * 1024 * 1024;

/** One way of a connection: parcels in their order and one timer for the first. */
class Direction {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #delayMs: number;
  #parcels: Parcel[] = [];
  #heldBytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, delayMs: number) {
    this.#from = from;
    this.#to = to;
    this.#delayMs = delayMs;
    to.on('drain', () => this.#flow());
    to.on('close', () => this.#drop());
  }

  send(chunk: Buffer): void {
    if (this.#to.destroyed) return;
    this.#heldBytes += chunk.length;
    this.#add(chunk);
    this.#flow();
  }

  finish(ending: Ending): void {
    this.#add(ending);
  }

  #add(what: Parcel['what']): void {
    if (this.#to.destroyed) return;
    this.#parcels.push({ due: performance.now() + this.#delayMs, what });
    if (this.#delayMs === 0) this.#release();
    else this.#timer ??= setTimeout(() => this.#release(), Math.max(1, this.#delayMs - EARLY_MS));
  }

  #release(): void {
    this.#timer = undefined;
    const now = performance.now() + EARLY_MS;
    const later = this.#parcels.findIndex(({ due }) => due > now);
    const due = this.#parcels.splice(0, later === -1 ? this.#parcels.length : later);
    this.#to.cork();
    for (const { what } of due) this.#pass(what);
    this.#to.uncork();
    const next = this.#parcels[0];
    if (next !== undefined) {
      this.#timer = setTimeout(() => this.#release(), Math.max(1, next.due - performance.now() - EARLY_MS));
    }
    this.#flow();
  }

  #pass(what: Parcel['what']): void {
    if (what === 'end') this.#to.end();
    else if (what === 'cut') this.#to.destroy();
    else {
      this.#heldBytes -= what.length;
      this.#to.write(what);
    }
  }

  /** Holds the sender back while too much is held here or by the other socket. */
  #flow(): void {
    const full = this.#heldBytes + this.#to.writableLength > MOST_HELD_BYTES;
    if (full && !this.#from.isPaused()) this.#from.pause();
    else if (!full && this.#from.isPaused()) this.#from.resume();
  }

  /** Nobody is there any more. The other side hears of it the other way, after what is still on its way to it. */
  #drop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#parcels = [];
    this.#heldBytes = 0;
    this.#from.resume();
  }
}
