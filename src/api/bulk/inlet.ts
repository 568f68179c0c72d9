import type { Readable } from 'node:stream';

/** The body as it comes: held while there is no room, thrown away when no more of it is wanted. */
export class Inlet {
  readonly body: Readable;
  readonly #onChunk: (chunk: Buffer) => void;
  readonly #onEnd: () => void;
  #receivedBytes = 0;
  #isHeld = false;

  /** `onEnd` may come with the last chunk, held or not: a stream says so when it has nothing more to give. */
  constructor(body: Readable, onChunk: (chunk: Buffer) => void, onEnd: () => void) {
    this.body = body;
    this.#onChunk = (chunk) => {
      this.#receivedBytes += chunk.length;
      onChunk(chunk);
    };
    this.#onEnd = onEnd;
    // A client that hangs up is heard of by its answer.
    body.on('error', () => {});
    body.on('data', this.#onChunk);
    body.on('end', this.#onEnd);
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  hold(): void {
    if (this.#isHeld) return;
    this.#isHeld = true;
    this.body.pause();
  }

  goOn(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.body.resume();
  }

  /** A client that sends first and reads then would never read if the rest were left. */
  discard(): void {
    this.body.off('data', this.#onChunk);
    this.body.off('end', this.#onEnd);
    this.body.resume();
  }
}
