import type { Socket } from 'node:net';
import type { Conditions } from './conditions.ts';
import { Direction, type Ending } from './direction.ts';
import { type FrameSplitter, LineSplitter, ReplySplitter } from './frames.ts';
import { resetNow } from './reset.ts';
import type { Rules, Side } from './rules.ts';

export interface ConnectionParts {
  /** Accepted by the relay. */
  readonly client: Socket;
  /** Opened by it. */
  readonly faktory: Socket;
  readonly up: Conditions;
  readonly down: Conditions;
  /** Given when the relay looks at messages. */
  readonly rules: Rules | undefined;
  /** Told of bytes that arrived. */
  readonly count: (side: Side, bytes: number) => void;
  /** Told once, when both sockets are closed. */
  readonly closed: () => void;
}

/**
 * A reset keeps this distance from the bytes before it: libuv, which meets both at once, reads the bytes and then
 * reports an ordinary end.
 */
const AFTER_BYTES_MS = 10;

/**
 * A client's socket and the one to Faktory behind it. Ends are relayed as they are: FIN as FIN, half-closed
 * connections included, a reset as a reset. Its life: relaying → (lost) → closed; a lost one takes bytes and says
 * nothing, which neither side can tell from a cable that was pulled.
 */
export class RelayConnection {
  readonly #parts: ConnectionParts;
  readonly #directions: Record<Side, Direction>;
  #state: 'relaying' | 'lost' | 'closed' = 'relaying';

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    const { client, faktory } = parts;
    this.#directions = {
      up: new Direction(client, faktory, parts.up, (ending) => this.#end('up', ending)),
      down: new Direction(faktory, client, parts.down, (ending) => this.#end('down', ending)),
    };
    this.#wire('up', client, faktory);
    this.#wire('down', faktory, client);
  }

  /** Conditions have changed: what they now let pass goes. */
  release(): void {
    this.#directions.up.release();
    this.#directions.down.release();
  }

  /** Takes and drops everything from now on, in both directions, ends included. */
  lose(): void {
    if (this.#state !== 'relaying') return;
    this.#state = 'lost';
    this.#directions.up.drop();
    this.#directions.down.drop();
    this.#parts.client.resume();
    this.#parts.faktory.resume();
  }

  /** Ends both sockets now, by FIN or by RST. What is held is dropped. */
  cut(how: 'fin' | 'rst'): void {
    this.#directions.up.drop();
    this.#directions.down.drop();
    for (const socket of [this.#parts.client, this.#parts.faktory]) {
      if (how === 'rst') resetNow(socket);
      else socket.destroy();
    }
  }

  #wire(side: Side, source: Socket, sink: Socket): void {
    const direction = this.#directions[side];
    const splitter = this.#parts.rules ? newSplitter(side) : undefined;
    let ended = false;
    source.on('data', (chunk) => {
      this.#parts.count(side, chunk.length);
      if (this.#state !== 'relaying') return;
      if (splitter) this.#sendMessages(side, splitter.split(chunk));
      else direction.send(chunk);
    });
    source.on('end', () => {
      ended = true;
      if (this.#state === 'lost') source.destroy();
      if (this.#state !== 'relaying') return;
      if (splitter && splitter.rest().length > 0) direction.send(splitter.rest());
      direction.finish('fin');
    });
    source.on('error', () => {});
    source.on('close', (failed) => {
      if (this.#state === 'relaying' && (failed || !ended)) direction.finish('rst');
      if (!sink.closed || this.#state === 'closed') return;
      this.#state = 'closed';
      this.#parts.closed();
    });
  }

  #sendMessages(side: Side, messages: Buffer[]): void {
    const direction = this.#directions[side];
    for (const message of messages) {
      const verdict = this.#parts.rules?.judge(side, message);
      if (!verdict || verdict.deliver) direction.send(message);
      if (!verdict || verdict.act === 'swallow') continue;
      direction.finish(verdict.act === 'fin' ? 'fin' : verdict.act);
      if (verdict.act === 'fin') this.#directions[side === 'up' ? 'down' : 'up'].finish('fin');
      return;
    }
  }

  #end(side: Side, ending: Ending): void {
    const sink = side === 'up' ? this.#parts.faktory : this.#parts.client;
    switch (ending) {
      case 'fin':
        sink.end();
        return;
      case 'rst':
        this.#directions.up.stall();
        this.#directions.down.stall();
        setTimeout(() => this.cut('rst'), AFTER_BYTES_MS);
        return;
      case 'stall':
        this.#directions[side].stall();
        return;
      case 'blackhole':
        this.lose();
        return;
      default:
        ending satisfies never;
    }
  }
}

function newSplitter(side: Side): FrameSplitter {
  return side === 'up' ? new LineSplitter() : new ReplySplitter();
}
