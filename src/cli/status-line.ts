/** How a command that waits tells how far things are: a line that is redrawn on a terminal, else a line when it has changed. */

/** Without a terminal the same is said again only so often. */
const SAME_AGAIN_MS = 10_000;
const CLEAR_LINE = '\r\x1b[K';

/** On stderr. */
export class StatusLine {
  readonly #isSilent: boolean;
  readonly #terminal = process.stderr.isTTY === true;
  #drawn = '';
  #drawnAt = Number.NEGATIVE_INFINITY;

  constructor(isSilent: boolean) {
    this.#isSilent = isSilent;
  }

  draw(text: string): void {
    if (this.#isSilent) return;
    const now = performance.now();
    if (this.#terminal) {
      // One that is wider than the terminal could not be drawn over.
      process.stderr.write(`${CLEAR_LINE}${text.slice(0, Math.max(20, (process.stderr.columns || 80) - 1))}`);
    } else if (text !== this.#drawn || now - this.#drawnAt >= SAME_AGAIN_MS) {
      process.stderr.write(`${text}\n`);
      this.#drawn = text;
      this.#drawnAt = now;
    }
  }

  /** A line that stays. */
  tell(text: string): void {
    if (!this.#isSilent) process.stderr.write(this.#terminal ? `${CLEAR_LINE}${text}\n` : `${text}\n`);
  }

  clear(): void {
    if (this.#terminal && !this.#isSilent) process.stderr.write(CLEAR_LINE);
  }
}
