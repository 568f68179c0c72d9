import type { Socket } from 'node:net';
import { takenBytes } from './socket.ts';

/** The commands that left in one write; `leftAt` moves on while the link takes its bytes slowly. */
export interface Write {
  readonly writtenAt: number;
  leftAt: number;
  unanswered: number;
}

export interface DeadlineOptions {
  readonly socket: Socket;
  readonly deadlineMs: number;
  /** The oldest write that is not answered in full. */
  oldest(): Write | undefined;
  /** When a byte last came (ms, monotonic). */
  lastByteAt(): number;
  onStalled(): void;
}

/**
 * The one deadline of a connection. It runs while a command is unanswered, from the later of the last byte that
 * came and the leaving of the oldest unanswered command.
 */
export class Deadline {
  readonly #options: DeadlineOptions;
  #timer: NodeJS.Timeout | undefined;
  #look: NodeJS.Immediate | undefined;
  #takenBytes = 0;

  constructor(options: DeadlineOptions) {
    this.#options = options;
  }

  /** Call it when something was written; it may run already. */
  start(): void {
    if (this.#timer !== undefined) return;
    this.#takenBytes = takenBytes(this.#options.socket);
    this.#wait(this.#options.deadlineMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    if (this.#look !== undefined) clearImmediate(this.#look);
  }

  #wait(ms: number): void {
    // A blocked event loop runs timers before it reads, so one poll phase passes before it is believed.
    this.#timer = setTimeout(() => {
      this.#look = setImmediate(() => this.#onDue());
    }, ms);
  }

  #onDue(): void {
    this.#timer = undefined;
    const { oldest, lastByteAt, deadlineMs, onStalled } = this.#options;
    const write = oldest();
    if (write === undefined) return;
    const now = performance.now();
    if (this.#isStillLeaving()) write.leftAt = now;
    const due = Math.max(write.leftAt, lastByteAt()) + deadlineMs - now;
    if (due <= 0) onStalled();
    else this.#wait(Math.max(due, 100));
  }

  /** Whether bytes wait to leave, and some have left since the last look: a full link, not a dead one. */
  #isStillLeaving(): boolean {
    const { socket } = this.#options;
    const taken = takenBytes(socket);
    const moved = socket.writableLength > 0 && taken !== this.#takenBytes;
    this.#takenBytes = taken;
    return moved;
  }
}
