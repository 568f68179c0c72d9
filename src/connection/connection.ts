/**
 * One pipelined socket to Faktory: commands out, each answered in order. It knows nothing of jobs.
 *
 * Its life: it is *connecting* (TCP, TLS), then *greeting* (waits for HI), then *introduced* (HELLO sent), then
 * *ready*; *closing* once END was sent, and *closed* for good. A reconnect is a new Connection (lanes.ts).
 */
import type { Socket } from 'node:net';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { isMillraceError, MillraceError } from '../errors.ts';
import { endCommand, helloCommand } from '../protocol/commands.ts';
import { answerHi, type Hello, parseHi } from '../protocol/handshake.ts';
import { ERROR, type ReplyKind, ReplyParser, SIMPLE } from '../protocol/resp.ts';
import type { Address } from './address.ts';
import { Deadline } from './deadline.ts';
import {
  closedEarly,
  explainFault,
  internal,
  isOverLimit,
  lost,
  stalled,
  timedOut,
  turnedAway,
  unsolicited,
  unwelcome,
} from './faults.ts';
import { Flight, type Receiver } from './flight.ts';
import { assertStep, type ConnectionState } from './life.ts';
import { openSocket } from './socket.ts';

export type { Receiver };

export interface ConnectionOptions {
  address: Address;
  hello: Hello;
  /** Passed to `tls.connect` (ca, cert, key …); certificates are verified unless it says otherwise. */
  tlsOptions?: TlsOptions | undefined;
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
  /**
   * A receiver, or one of the two above, threw this: a fault of ours, not of the connection, which goes on. A
   * warning of the process where nobody listens, or this throws, too.
   */
  onThrown?(connection: Connection, thrown: unknown): void;
}

/** A tick's commands leave in one write, or earlier when there are this many characters of them. */
const FLUSH_CHARS = 64 * 1024;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #events: ConnectionEvents;
  readonly #socket: Socket;
  readonly #parser: ReplyParser;
  #state: ConnectionState = 'connecting';
  readonly #flight = new Flight();
  /** The text of what the flight holds: the commands of this tick. */
  #held = '';
  #flushing: NodeJS.Immediate | undefined;
  /** How long the handshake may take, or the end. */
  #patience: NodeJS.Timeout;
  readonly #deadline: Deadline;
  #lastByteAt = 0;
  #readyAt: number | undefined;
  #answers = 0;

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
    this.#patience = setTimeout(() => this.#onConnectTimeout(timeoutMs), timeoutMs);
    this.#deadline = new Deadline({
      socket: this.#socket,
      deadlineMs: options.deadlineMs,
      oldest: () => this.#flight.oldest,
      lastByteAt: () => this.#lastByteAt,
      onStalled: () => this.destroy(stalled(options.address, options.deadlineMs)),
    });
  }

  /** Whether commands may be sent. */
  get ready(): boolean {
    return this.#state === 'ready';
  }

  /** Commands sent whose reply has not come. */
  get unanswered(): number {
    return this.#flight.size;
  }

  /** Of these, the ones whose bytes have left this process. */
  get written(): number {
    return this.#flight.size - this.#flight.held;
  }

  /** When a byte last came (ms, monotonic). */
  get lastByteAt(): number {
    return this.#lastByteAt;
  }

  /** Commands that were answered, ever. */
  get answers(): number {
    return this.#answers;
  }

  /** When Faktory welcomed it (ms, monotonic), if it has. */
  get readyAt(): number | undefined {
    return this.#readyAt;
  }

  /** Sends a command (one whole line); it leaves at the end of this tick with all others of the tick. */
  send(command: string, receiver: Receiver): void {
    if (this.#state !== 'ready') {
      receiver.onLost(lost(this.#options.address), false);
      return;
    }
    this.#flight.hold(receiver);
    this.#held += command;
    if (this.#held.length >= FLUSH_CHARS) this.flush();
    else this.#flushing ??= setImmediate(() => this.flush());
  }

  /** Writes what this tick has gathered, now. */
  flush(): void {
    if (this.#flushing !== undefined) clearImmediate(this.#flushing);
    this.#flushing = undefined;
    if (this.#flight.held === 0) return;
    const write = this.#flight.leave(performance.now());
    const held = this.#held;
    this.#held = '';
    this.#socket.write(held, () => {
      write.leftAt = performance.now();
    });
    this.#deadline.start();
  }

  /** Says END once all is answered, and resolves when the socket is closed. Never fails. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    if (this.#state === 'ready') {
      this.flush();
      this.#setState('closing');
      if (this.#flight.size === 0) this.#end();
    } else if (this.#state !== 'closing') {
      this.destroy();
    }
    if (!this.#socket.closed)
      await new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
  }

  /** Ends the connection at once; every receiver hears of its loss. `error` is why (default: CONNECTION_LOST). */
  destroy(error?: MillraceError): void {
    if (this.#state === 'closed') return;
    // After END it is no fault how the other side ends it, a reset no more than a FIN.
    const wasClosing = this.#state === 'closing' && this.#flight.size === 0;
    const why = wasClosing ? undefined : (error ?? lost(this.#options.address));
    // Over its limit Faktory reads no command, it welcomes and closes.
    const unread = this.#answers === 0 && isMillraceError(error, 'CONNECTION_LIMIT');
    let written = unread ? 0 : this.written;
    this.#setState('closed');
    clearTimeout(this.#patience);
    this.#deadline.stop();
    if (this.#flushing !== undefined) clearImmediate(this.#flushing);
    this.#socket.destroy();
    // First the owner, so that nobody who sends again picks this connection.
    this.#guard(() => this.#events.onClosed(this, why));
    for (let receiver = this.#flight.lost(); receiver !== undefined; receiver = this.#flight.lost()) {
      const one = receiver;
      const wasWritten = written > 0;
      this.#guard(() => one.onLost(why ?? lost(this.#options.address), wasWritten));
      written -= 1;
    }
  }

  /** Runs what is not ours: what it throws must neither end nor shift what is on its way here. */
  #guard(theirs: () => void): void {
    try {
      theirs();
    } catch (thrown) {
      this.#onThrown(thrown);
    }
  }

  #onThrown(thrown: unknown): void {
    try {
      if (this.#events.onThrown === undefined) throw thrown;
      this.#events.onThrown(this, thrown);
    } catch (untold) {
      process.emitWarning(internal(this.#options.address, untold));
    }
  }

  #setState(next: ConnectionState): void {
    assertStep(this.#state, next);
    this.#state = next;
  }

  get #isPastHandshake(): boolean {
    return this.#state === 'ready' || this.#state === 'closing';
  }

  #onClose(): void {
    if (this.#isPastHandshake) return this.destroy();
    const { address } = this.#options;
    this.destroy(this.#state === 'introduced' ? turnedAway(address) : closedEarly(address));
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
      // Of the protocol: what others throw does not come here.
      this.destroy(isMillraceError(error) ? error : internal(this.#options.address, error));
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
    const write = this.#flight.oldest;
    // Faktory refuses a connection over its limit after it has welcomed it, whatever was sent meanwhile.
    const refused = kind === ERROR && isOverLimit(text);
    if (write === undefined || refused) return this.destroy(unsolicited(this.#options.address, text));
    this.#answers += 1;
    const receiver = this.#flight.answered();
    // As #guard, without a closure for each reply.
    try {
      receiver.onReply(kind, text, write.writtenAt, this.#lastByteAt);
    } catch (thrown) {
      this.#onThrown(thrown);
    }
    if (this.#state === 'closing' && this.#flight.size === 0) this.#end();
  }

  #onHi(kind: ReplyKind, text: string): void {
    const { hello, address } = this.#options;
    if (kind !== SIMPLE) return this.destroy(unsolicited(address, text));
    this.#setState('introduced');
    this.#socket.write(helloCommand(answerHi(parseHi(text), hello, address.password)));
  }

  #onWelcome(kind: ReplyKind, text: string): void {
    if (kind !== SIMPLE || text !== 'OK') return this.destroy(unwelcome(this.#options.address, text));
    clearTimeout(this.#patience);
    this.#readyAt = performance.now();
    this.#setState('ready');
    this.#guard(() => this.#events.onReady(this));
  }

  #end(): void {
    this.#socket.end(endCommand());
    this.#deadline.stop();
    // Faktory closes without a word; a peer that does not is not waited for long.
    this.#patience = setTimeout(() => this.destroy(), 500);
  }

  #onConnectTimeout(timeoutMs: number): void {
    this.destroy(timedOut(this.#options.address, timeoutMs, this.#state === 'connecting'));
  }
}
