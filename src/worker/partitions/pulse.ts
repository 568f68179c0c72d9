/**
 * A moment, a few milliseconds off, that all partitions of a worker share: what may wait until then is done together,
 * in one write.
 */
const EVERY_MS = 5;

export class Pulse {
  #waiting: (() => void)[] = [];

  /** Calls back once, at the next one. */
  next(callBack: () => void): void {
    if (this.#waiting.length === 0) setTimeout(() => this.#beat(), EVERY_MS);
    this.#waiting.push(callBack);
  }

  #beat(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const callBack of waiting) callBack();
  }
}
