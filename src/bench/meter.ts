/** Counts jobs, and says when the warm-up is over and when it is enough. */

export interface MeterOptions {
  /** Enough when so many are done, or when a timer says so by `end()`. */
  readonly jobs: number;
  readonly onFirst: () => void;
  readonly onMark: (mark: 'warm' | 'end', done: number) => void;
}

/** The first fifth, of jobs or of time, is warm-up: sockets open, code gets compiled, the plan finds the rate. */
export const WARM_UP = 0.2;

/** cold → warm → ended. */
type State = 'cold' | 'warm' | 'ended';

export class Meter {
  readonly #options: MeterOptions;
  readonly #warmAt: number;
  #state: State = 'cold';
  done = 0;

  constructor(options: MeterOptions) {
    this.#options = options;
    this.#warmAt = Math.ceil(options.jobs * WARM_UP);
  }

  /** A job is done. */
  job(): void {
    this.done += 1;
    if (this.done === 1) this.#options.onFirst();
    if (this.done === this.#warmAt) this.warm();
    if (this.done === this.#options.jobs) this.end();
  }

  /** The warm-up is over, by jobs or by time; whichever is later changes nothing. */
  warm(): void {
    if (this.#state !== 'cold') return;
    this.#state = 'warm';
    this.#options.onMark('warm', this.done);
  }

  end(): void {
    this.warm();
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#options.onMark('end', this.done);
  }
}
