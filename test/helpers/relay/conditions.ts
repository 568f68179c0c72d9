/** What a link does to bytes of one direction. Mutable: the connections of a relay look at it as they go. */
export interface Conditions {
  /** From the arrival of a chunk at the relay to its departure. It delays and does not throttle. */
  delayMs: number;
  /** Nothing leaves; what arrives is kept, and the sender is held back once `bufferBytes` are. */
  stalled: boolean;
  /** Bytes leave in pieces of this many, a turn of the event loop each; 0 sends them as they came. */
  sliceBytes: number;
  /** Limit of all connections together; undefined is none. */
  throttle: TokenBucket | undefined;
  /** Bytes of one connection kept before its sender is held back: more than any link needs that is not stalled. */
  bufferBytes: number;
}

/** Lets `bytesPerSecond` pass, in portions of at most 10 ms' worth so that connections share it evenly. */
export class TokenBucket {
  readonly #bytesPerSecond: number;
  readonly #now: () => number;
  #tokens = 0;
  #filledAt: number;

  constructor(bytesPerSecond: number, now: () => number = () => performance.now()) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#now = now;
    this.#filledAt = now();
  }

  /** How many of `wanted` bytes may pass now; 0 asks to come again after `pauseMs`. */
  take(wanted: number): number {
    const now = this.#now();
    const portion = Math.max(1, this.#bytesPerSecond / 100);
    this.#tokens = Math.min(portion, this.#tokens + ((now - this.#filledAt) * this.#bytesPerSecond) / 1_000);
    this.#filledAt = now;
    const taken = Math.min(wanted, Math.floor(this.#tokens));
    this.#tokens -= taken;
    return taken;
  }

  /** Until a worthwhile portion has gathered. */
  get pauseMs(): number {
    return Math.max(5, 1_000 / this.#bytesPerSecond);
  }
}
