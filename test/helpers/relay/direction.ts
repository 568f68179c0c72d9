import type { Socket } from 'node:net';
import type { Conditions } from './conditions.ts';

/** How a direction can end: politely, by a reset, or by never saying a thing again. */
export type Ending = 'fin' | 'rst' | 'stall' | 'blackhole';

interface Parcel {
  readonly due: number;
  bytes: Buffer;
  /** Carried out after the bytes. */
  readonly ending: Ending | undefined;
}

const NOTHING = Buffer.alloc(0);

/**
 * Timers count whole milliseconds and fire late by up to one. So a timer is set a millisecond short, and a parcel
 * due within one goes now: round trips of 50 and 200 ms measure so to a few tenths, 1.5 ms too long otherwise.
 */
const EARLY_MS = 1;

/** Bytes handed to the kernel's side of the socket at once; the rest waits here, where it is counted. */
const IN_SOCKET_BYTES = 1024 * 1024;

/**
 * One direction of one relayed connection: an ordered line of parcels, each with the time it is due, and one timer
 * for the first of them, which sends all that are due in a single write. So a delay costs one timer a millisecond
 * at most, however many chunks there are. Without any condition chunks go straight from socket to socket.
 */
export class Direction {
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #conditions: Conditions;
  readonly #end: (ending: Ending) => void;
  readonly #parcels: Parcel[] = [];
  #first = 0;
  #heldBytes = 0;
  #stalled = false;
  #finished = false;
  #timer: NodeJS.Timeout | undefined;
  #turn: NodeJS.Immediate | undefined;

  /** `end` carries out an ending when everything before it has been sent. */
  constructor(source: Socket, sink: Socket, conditions: Conditions, end: (ending: Ending) => void) {
    this.#source = source;
    this.#sink = sink;
    this.#conditions = conditions;
    this.#end = end;
    sink.on('drain', () => this.release());
  }

  /** Takes bytes that arrived now, to be sent on in their turn. */
  send(bytes: Buffer): void {
    if (this.#finished) return;
    if (this.#isClear()) {
      if (!this.#sink.write(bytes)) this.#source.pause();
      return;
    }
    this.#enqueue(bytes, undefined);
  }

  /** Takes the end of what arrives, which is as late as bytes are. Bytes after it are dropped. */
  finish(ending: Ending): void {
    this.#finished = true;
    this.#enqueue(NOTHING, ending);
  }

  /** Holds this direction for good, whatever the relay's conditions. */
  stall(): void {
    this.#stalled = true;
  }

  /** Forgets what is held; nothing is sent any more. */
  drop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#turn);
    this.#timer = undefined;
    this.#turn = undefined;
    this.#parcels.length = 0;
    this.#first = 0;
    this.#heldBytes = 0;
  }

  /** Sends all that is due. Called by its own timer, by `drain`, and when conditions have changed. */
  release(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#conditions.stalled || this.#stalled) return;
    if (this.#sink.destroyed) this.drop();
    const now = performance.now() + EARLY_MS;
    this.#sink.cork();
    let pauseMs: number | undefined;
    for (
      let parcel = this.#head();
      parcel && pauseMs === undefined && !this.#stalled;
      parcel = this.#head()
    ) {
      if (parcel.due > now) pauseMs = parcel.due - performance.now();
      else pauseMs = this.#pass(parcel);
    }
    this.#sink.uncork();
    this.#flowAgain();
    if (pauseMs !== undefined && pauseMs !== Number.POSITIVE_INFINITY) this.#comeBack(pauseMs);
  }

  #isClear(): boolean {
    const { delayMs, stalled, sliceBytes, throttle } = this.#conditions;
    return (
      delayMs === 0 &&
      !stalled &&
      sliceBytes === 0 &&
      throttle === undefined &&
      !this.#stalled &&
      this.#head() === undefined
    );
  }

  #head(): Parcel | undefined {
    return this.#parcels[this.#first];
  }

  #enqueue(bytes: Buffer, ending: Ending | undefined): void {
    const wasEmpty = this.#head() === undefined;
    this.#parcels.push({ due: performance.now() + this.#conditions.delayMs, bytes, ending });
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > this.#conditions.bufferBytes) this.#source.pause();
    if (!wasEmpty) return;
    if (this.#conditions.delayMs === 0) this.release();
    else this.#comeBack(this.#conditions.delayMs);
  }

  /** Sends the first parcel, or as much of it as may go. Answers how long to wait when it could not all go. */
  #pass(parcel: Parcel): number | undefined {
    if (this.#sink.writableLength > IN_SOCKET_BYTES) return Number.POSITIVE_INFINITY; // `drain` comes back
    const { sliceBytes, throttle } = this.#conditions;
    let allowed = parcel.bytes.length;
    if (sliceBytes > 0) allowed = Math.min(allowed, sliceBytes);
    if (throttle && allowed > 0) allowed = throttle.take(allowed);

    if (allowed > 0) this.#sink.write(parcel.bytes.subarray(0, allowed));
    this.#heldBytes -= allowed;
    parcel.bytes = parcel.bytes.subarray(allowed);
    if (parcel.bytes.length > 0) return sliceBytes > 0 && allowed > 0 ? 0 : (throttle?.pauseMs ?? 0);

    this.#shift();
    if (parcel.ending) {
      this.#sink.uncork();
      this.#end(parcel.ending);
      this.#sink.cork();
    }
    return sliceBytes > 0 ? 0 : undefined;
  }

  #shift(): void {
    this.#first++;
    if (this.#first === this.#parcels.length) {
      this.#parcels.length = 0;
      this.#first = 0;
    } else if (this.#first > 1_024 && this.#first * 2 > this.#parcels.length) {
      this.#parcels.splice(0, this.#first);
      this.#first = 0;
    }
  }

  #flowAgain(): void {
    const full = this.#heldBytes > this.#conditions.bufferBytes / 2;
    const clogged = this.#sink.writableLength > IN_SOCKET_BYTES;
    if (!full && !clogged && this.#source.isPaused()) this.#source.resume();
  }

  #comeBack(pauseMs: number): void {
    if (pauseMs <= 0) {
      clearImmediate(this.#turn);
      this.#turn = setImmediate(() => this.release());
    } else {
      this.#timer ??= setTimeout(() => this.release(), Math.max(1, Math.floor(pauseMs - EARLY_MS)));
    }
  }
}
