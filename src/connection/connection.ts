/**
 * One pipelined socket to Faktory: commands out, each answered in order. It knows nothing of jobs.
 *
 * Its life: it is *connecting* (TCP, TLS), then *greeting* (waits for HI), then *introduced* (HELLO sent), then
 * *ready*; *closing* once END was sent, and *closed* for good. A reconnect is a new Connection (lanes.ts).
 */
import net from 'node:net';
import tls from 'node:tls';
import { Deque } from '../deque.ts';
import { isMillraceError, MillraceError } from '../errors.ts';
import { endCommand, helloCommand } from '../protocol/commands.ts';
import { answerHi, type Hello, parseHi } from '../protocol/handshake.ts';
import { ERROR, type ReplyKind, ReplyParser, SIMPLE } from '../protocol/resp.ts';
import type { Address } from './address.ts';
import {
  closedEarly,
  explainFault,
  isOverLimit,
  lost,
  stalled,
  timedOut,
  unsolicited,
  unwelcome,
} from './faults.ts';

/** Gets the reply of one command, or learns that none will come. Exactly one of the two is called, once. */
export interface Receiver {
  /** `writtenAt`: when the command was handed to the socket (ms, monotonic). */
  onReply(kind: ReplyKind, text: string, writtenAt: number): void;
  /** `written` false: the command never left this process. */
  onLost(error: MillraceError, written: boolean): void;
}

export interface ConnectionOptions {
  address: Address;
  hello: Hello;
  /** Passed to `tls.connect` (ca, cert, key …); certificates are verified unless it says otherwise. */
  tlsOptions?: tls.ConnectionOptions | undefined;
  /** The longest that an unanswered command may see no byte come. */
  deadlineMs: number;
  /** The longest that connecting and the handshake may take (default 5,000). */
  connectTimeoutMs?: number | undefined;
  /** Bound on one reply in memory. */
  maxReplyBytes?: number | undefined;
}

export interface ConnectionEvents {
  onReady(connection: Connection): void;
  /** Comes once, before the receivers hear of their loss; no error when it was closed on purpose. */
  onClosed(connection: Connection, error: MillraceError | undefined): void;
}

type State = 'connecting' | 'greeting' | 'introduced' | 'ready' | 'closing' | 'closed';
const NEXT: Record<State, readonly State[]> = {
  connecting: ['greeting', 'closed'],
  greeting: ['introduced', 'closed'],
  introduced: ['ready', 'closed'],
  ready: ['closing', 'closed'],
  closing: ['closed'],
  closed: [],
};

/** The commands that left in one write; `leftAt` moves on while the link takes its bytes slowly. */
interface Write {
  readonly writtenAt: number;
  leftAt: number;
  unanswered: number;
}

/** A tick's commands leave in one write, or earlier when there are this many characters of them. */
const FLUSH_CHARS = 64 * 1024;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #events: ConnectionEvents;
  readonly #socket: net.Socket;
  readonly #parser: ReplyParser;
  #state: State = 'connecting';
  /** What waits for its reply, in the order of the wire, and the writes it left in. */
  readonly #receivers = new Deque<Receiver>();
  readonly #writes = new Deque<Write>();
  /** Commands of this tick: not yet written, so their receivers are the last `#heldCount` ones. */
  #held = '';
  #heldCount = 0;
  #flushing: NodeJS.Immediate | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #lastByteAt = 0;
  #takenBytes = 0;

  constructor(options: ConnectionOptions, events: ConnectionEvents) {
    this.#options = options;
    this.#events = events;
    this.#parser = new ReplyParser((kind, text) => this.#onReply(kind, text), options.maxReplyBytes);
    this.#socket = openSocket(options.address, options.tlsOptions);
    const connected = options.address.tls ? 'secureConnect' : 'connect';
    this.#socket.once(connected, () => this.#setState('greeting'));
    this.#socket.on('data', (bytes: Buffer) => this.#onBytes(bytes));
    this.#socket.on('error', (cause) => this.destroy(this.#explain(cause)));
    this.#socket.on('close', () => this.#onClose());
    const timeoutMs = options.connectTimeoutMs ?? 5_000;
    this.#deadline = setTimeout(() => this.#onConnectTimeout(timeoutMs), timeoutMs);
  }

  /** Whether commands may be sent. */
  get ready(): boolean {
    return this.#state === 'ready';
  }

  /** Commands sent whose reply has not come. */
  get unanswered(): number {
    return this.#receivers.size;
  }

  /** Of these, the ones whose bytes have left this process. */
  get written(): number {
    return this.#receivers.size - this.#heldCount;
  }

  /** When a byte last came (ms, monotonic). */
  get lastByteAt(): number {
    return this.#lastByteAt;
  }

  /** Sends a command (one whole line); it leaves at the end of this tick with all others of the tick. */
  send(command: string, receiver: Receiver): void {
    if (this.#state !== 'ready') {
      receiver.onLost(lost(this.#options.address), false);
      return;
    }
    this.#receivers.push(receiver);
    this.#held += command;
    this.#heldCount += 1;
    if (this.#held.length >= FLUSH_CHARS) this.flush();
    else this.#flushing ??= setImmediate(() => this.flush());
  }

  /** Writes what this tick has gathered, now. */
  flush(): void {
    if (this.#flushing !== undefined) clearImmediate(this.#flushing);
    this.#flushing = undefined;
    if (this.#heldCount === 0) return;
    const now = performance.now();
    const write = { writtenAt: now, leftAt: now, unanswered: this.#heldCount };
    const held = this.#held;
    this.#held = '';
    this.#heldCount = 0;
    this.#writes.push(write);
    this.#socket.write(held, () => {
      write.leftAt = performance.now();
    });
    if (this.#deadline !== undefined) return;
    this.#takenBytes = takenBytes(this.#socket);
    this.#deadline = setTimeout(() => this.#onDeadline(), this.#options.deadlineMs);
  }

  /** Says END once all is answered, and resolves when the socket is closed. Never fails. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    if (this.#state === 'ready') {
      this.flush();
      this.#setState('closing');
      if (this.#receivers.size === 0) this.#end();
    } else if (this.#state !== 'closing') {
      this.destroy();
    }
    if (!this.#socket.closed)
      await new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
  }

  /** Ends the connection at once; every receiver hears of its loss. `error` is why (default: CONNECTION_LOST). */
  destroy(error?: MillraceError): void {
    if (this.#state === 'closed') return;
    const wasClosing = this.#state === 'closing' && this.#receivers.size === 0;
    const why = error ?? (wasClosing ? undefined : lost(this.#options.address));
    let { written } = this;
    this.#setState('closed');
    clearTimeout(this.#deadline);
    if (this.#flushing !== undefined) clearImmediate(this.#flushing);
    this.#socket.destroy();
    // First the owner, so that nobody who sends again picks this connection.
    this.#events.onClosed(this, why);
    for (let receiver = this.#receivers.shift(); receiver; receiver = this.#receivers.shift()) {
      receiver.onLost(why ?? lost(this.#options.address), written > 0);
      written -= 1;
    }
  }

  #setState(next: State): void {
    if (!NEXT[this.#state].includes(next)) {
      throw new Error(`a connection cannot go from ${this.#state} to ${next}`);
    }
    this.#state = next;
  }

  get #isPastHandshake(): boolean {
    return this.#state === 'ready' || this.#state === 'closing';
  }

  #onClose(): void {
    this.destroy(this.#isPastHandshake ? undefined : closedEarly(this.#options.address));
  }

  /** Before the handshake was done nothing can have been sent; afterwards it is a loss, whatever the cause. */
  #explain(cause: Error): MillraceError {
    const fault = explainFault(this.#options.address, cause);
    return this.#isPastHandshake ? new MillraceError('CONNECTION_LOST', fault.message, { cause }) : fault;
  }

  #onBytes(bytes: Buffer): void {
    if (this.#state === 'closed') return;
    this.#lastByteAt = performance.now();
    try {
      this.#parser.push(bytes);
    } catch (error) {
      if (!isMillraceError(error)) throw error;
      this.destroy(error);
    }
  }

  #onReply(kind: ReplyKind, text: string): void {
    switch (this.#state) {
      case 'ready':
      case 'closing':
        return this.#onAnswer(kind, text);
      case 'greeting':
        return this.#onHi(kind, text);
      case 'introduced':
        return this.#onWelcome(kind, text);
      case 'connecting':
      case 'closed':
        return;
      default:
        this.#state satisfies never;
    }
  }

  #onAnswer(kind: ReplyKind, text: string): void {
    const write = this.#writes.peek();
    // Faktory refuses a connection over its limit after it has welcomed it, whatever was sent meanwhile.
    const refused = kind === ERROR && isOverLimit(text);
    if (write === undefined || refused) return this.destroy(unsolicited(this.#options.address, text));
    write.unanswered -= 1;
    if (write.unanswered === 0) this.#writes.shift();
    this.#receivers.shift()!.onReply(kind, text, write.writtenAt);
    if (this.#state === 'closing' && this.#receivers.size === 0) this.#end();
  }

  #onHi(kind: ReplyKind, text: string): void {
    const { hello, address } = this.#options;
    if (kind !== SIMPLE) return this.destroy(unsolicited(address, text));
    this.#setState('introduced');
    this.#socket.write(helloCommand(answerHi(parseHi(text), hello, address.password)));
  }

  #onWelcome(kind: ReplyKind, text: string): void {
    if (kind !== SIMPLE || text !== 'OK') return this.destroy(unwelcome(this.#options.address, text));
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
    this.#setState('ready');
    this.#events.onReady(this);
  }

  #end(): void {
    this.#socket.end(endCommand());
    clearTimeout(this.#deadline);
    // Faktory closes without a word; a peer that does not is not waited for long.
    this.#deadline = setTimeout(() => this.destroy(), 500);
  }

  #onConnectTimeout(timeoutMs: number): void {
    this.destroy(timedOut(this.#options.address, timeoutMs, this.#state === 'connecting'));
  }

  /**
   * The deadline runs from the later of the last byte that came and the leaving of the oldest unanswered command.
   * A blocked event loop runs timers before it reads, so one poll phase passes before it is believed.
   */
  #onDeadline(): void {
    setImmediate(() => {
      this.#deadline = undefined;
      const oldest = this.#writes.peek();
      if (this.#state === 'closed' || oldest === undefined) return;
      const now = performance.now();
      if (this.#isStillLeaving()) oldest.leftAt = now;
      const due = Math.max(oldest.leftAt, this.#lastByteAt) + this.#options.deadlineMs - now;
      if (due <= 0) return this.destroy(stalled(this.#options.address, this.#options.deadlineMs));
      this.#deadline = setTimeout(() => this.#onDeadline(), Math.max(due, 100));
    });
  }

  /** Whether bytes wait to leave, and some have left since the last look: a full link, not a dead one. */
  #isStillLeaving(): boolean {
    const taken = takenBytes(this.#socket);
    const moved = this.#socket.writableLength > 0 && taken !== this.#takenBytes;
    this.#takenBytes = taken;
    return moved;
  }
}

/**
 * Rises as the system takes bytes. Of a write under way Node says only here how much of it is left; its own
 * socket timeout looks at the same.
 */
function takenBytes(socket: net.Socket): number {
  const { _handle: handle } = socket as { _handle?: { writeQueueSize?: number } | null };
  return socket.bytesWritten - socket.writableLength - (handle?.writeQueueSize ?? 0);
}

function openSocket(address: Address, tlsOptions: tls.ConnectionOptions | undefined): net.Socket {
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
