import { Deque } from '../deque.ts';
import type { MillraceError } from '../errors.ts';
import type { ReplyKind } from '../protocol/resp.ts';
import type { Write } from './deadline.ts';

/**
 * Gets the reply of one command, or learns that none will come. Exactly one of the two is called, once. What it
 * throws is told to the owner and harms nothing else.
 */
export interface Receiver {
  /** `writtenAt`: when the command was handed to the socket; `arrivedAt`: when the reply was read (ms, monotonic). */
  onReply(kind: ReplyKind, text: string, writtenAt: number, arrivedAt: number): void;
  /** `written` false: Faktory certainly never ran the command, it had not left this process or was not read. */
  onLost(error: MillraceError, written: boolean): void;
}

/** What is on its way on one connection: who waits for a reply, in the order of the wire, and the writes. */
export class Flight {
  readonly #receivers = new Deque<Receiver>();
  readonly #writes = new Deque<Write>();
  /** Those of this tick, not yet written: the last ones. */
  #held = 0;

  get size(): number {
    return this.#receivers.size;
  }

  get held(): number {
    return this.#held;
  }

  /** The oldest write that is not answered in full; undefined when nothing that was written waits. */
  get oldest(): Write | undefined {
    return this.#writes.peek();
  }

  hold(receiver: Receiver): void {
    this.#receivers.push(receiver);
    this.#held += 1;
  }

  /** What is held leaves now, in one write. */
  leave(now: number): Write {
    const write = { writtenAt: now, leftAt: now, unanswered: this.#held };
    this.#held = 0;
    this.#writes.push(write);
    return write;
  }

  /** The oldest of what was written is answered: returns its receiver. */
  answered(): Receiver {
    const write = this.#writes.peek()!;
    write.unanswered -= 1;
    if (write.unanswered === 0) this.#writes.shift();
    return this.#receivers.shift()!;
  }

  /** The next of those that get no answer any more. */
  lost(): Receiver | undefined {
    return this.#receivers.shift();
  }
}
