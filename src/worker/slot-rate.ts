/** How many jobs a second the slots can run, by what they did within the last second or so. Pure. */

const MEMORY_MS = 1_000;

/**
 * Little's law: a handler takes slots in use ÷ ends a second, and so the slots can run slots × ends a second ÷ slots in
 * use. It holds for handlers that start in herds, and before the first of them has ended: then it is nothing.
 */
export class SlotRate {
  readonly #slots: number;
  /** Both fade alike, so that what counts, the one by the other, does not. */
  #endsPerSecond = 0;
  #inUse = 0;
  #running = 0;
  #started = 0;
  #at = 0;

  constructor(slots: number) {
    this.#slots = slots;
  }

  /** `started`: how many have started in all; `running`: how many run now. */
  note(started: number, running: number, now: number): void {
    const kept = Math.exp((this.#at - now) / MEMORY_MS);
    const ended = started - this.#started - (running - this.#running);
    this.#endsPerSecond = this.#endsPerSecond * kept + (ended * 1_000) / MEMORY_MS;
    this.#inUse = this.#inUse * kept + this.#running * (1 - kept);
    this.#started = started;
    this.#running = running;
    this.#at = now;
  }

  /** Infinity where handlers take no time that could be seen. */
  get perSecond(): number {
    return this.#inUse === 0 ? Number.POSITIVE_INFINITY : (this.#slots * this.#endsPerSecond) / this.#inUse;
  }
}
