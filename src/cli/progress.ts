/** How far a long push has come: one line that changes on a terminal, a line now and then elsewhere. */

export interface Standing {
  pushed: number;
  failed: number;
  /** Of the whole, from 0 to 1, where that is known. */
  part: number | undefined;
}

const REDRAW_MS = 200;
const LINE_EVERY_MS = 10_000;
const CLEAR_LINE = '\r\x1b[K';

export class Progress {
  readonly #standing: () => Standing;
  readonly #terminal = process.stderr.isTTY === true;
  readonly #startedAt = performance.now();
  readonly #timer: NodeJS.Timeout;

  constructor(standing: () => Standing) {
    this.#standing = standing;
    this.#timer = setInterval(() => this.#draw(), this.#terminal ? REDRAW_MS : LINE_EVERY_MS);
  }

  /** A line that stays, on stderr. */
  tell(line: string): void {
    process.stderr.write(this.#terminal ? `${CLEAR_LINE}${line}\n` : `${line}\n`);
  }

  /** Ends with the totals, on stdout. */
  end(): void {
    clearInterval(this.#timer);
    if (this.#terminal) process.stderr.write(CLEAR_LINE);
    console.log(summary(this.#standing(), performance.now() - this.#startedAt));
  }

  #draw(): void {
    const { pushed, failed, part } = this.#standing();
    const percent = part === undefined ? '' : `${Math.min(100, Math.floor(part * 100))}%  `;
    const text = `${percent}${summary({ pushed, failed, part }, performance.now() - this.#startedAt)}`;
    process.stderr.write(this.#terminal ? `${CLEAR_LINE}${text}` : `${text}\n`);
  }
}

/** `9,998 jobs pushed, 2 failed, in 1.2 s (8,331 jobs/s)` */
export function summary({ pushed, failed }: Standing, ms: number): string {
  const number = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
  const jobs = `${number.format(pushed)} ${pushed === 1 ? 'job' : 'jobs'} pushed`;
  const rate = number.format(pushed / Math.max(ms / 1_000, 0.001));
  return `${jobs}, ${number.format(failed)} failed, in ${(ms / 1_000).toFixed(1)} s (${rate} jobs/s)`;
}
