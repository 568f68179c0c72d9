/** How far the soak has come: one line that changes on a terminal, a line every few seconds elsewhere. On stderr. */
const REDRAW_MS = 500;
const LINE_EVERY_MS = 5_000;
const CLEAR_LINE = '\r\x1b[K';

export class Progress implements Disposable {
  readonly #terminal = process.stderr.isTTY === true;
  readonly #timer: NodeJS.Timeout;

  constructor(line: () => string) {
    const draw = (): void => {
      if (this.#terminal)
        process.stderr.write(CLEAR_LINE + line().slice(0, (process.stderr.columns ?? 80) - 1));
      else process.stderr.write(`${line()}\n`);
    };
    this.#timer = setInterval(draw, this.#terminal ? REDRAW_MS : LINE_EVERY_MS);
  }

  /** A line that stays. */
  tell(line: string): void {
    process.stderr.write(this.#terminal ? `${CLEAR_LINE}${line}\n` : `${line}\n`);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    if (this.#terminal) process.stderr.write(CLEAR_LINE);
  }
}
