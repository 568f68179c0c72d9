/** How long a window is at least, in ms. */
export const WINDOW_MS = 100;
const WINDOWS = 10;

/**
 * Jobs a second: the best of the last ten windows, so that a pause does not look like a slow server. A window is 100 ms,
 * or a round trip where that is longer: what left together comes together.
 */
export class RateMeter {
  #windowMs = WINDOW_MS;
  readonly #rates = new Array<number>(WINDOWS).fill(0);
  #at = 0;
  #windowStart = 0;
  #count = 0;

  /** The round trip. */
  span(ms: number): void {
    this.#windowMs = Math.max(WINDOW_MS, ms);
  }

  add(now: number): void {
    this.#roll(now);
    this.#count += 1;
  }

  perSecond(now: number): number {
    this.#roll(now);
    let best = 0;
    for (const rate of this.#rates) if (rate > best) best = rate;
    return best;
  }

  #roll(now: number): void {
    const elapsed = now - this.#windowStart;
    if (elapsed < this.#windowMs) return;
    const passed = Math.min(WINDOWS, Math.floor(elapsed / this.#windowMs));
    this.#push((this.#count * 1000) / (passed === 1 ? elapsed : this.#windowMs));
    for (let i = 1; i < passed; i += 1) this.#push(0);
    this.#windowStart = now;
    this.#count = 0;
  }

  #push(rate: number): void {
    this.#rates[this.#at] = rate;
    this.#at = (this.#at + 1) % WINDOWS;
  }
}
