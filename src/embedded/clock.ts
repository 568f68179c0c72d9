/** Time as the embedded Faktory sees it: injected, so that a test can move three days in a millisecond. */

/** Ends the timer it was given for; harmless afterwards and twice. */
export type CancelTimer = () => void;

export interface Clock {
  /** Milliseconds since 1970, as Date.now(). */
  now(): number;
  /** Calls back once, when `now()` has reached `at`. */
  setTimer(at: number, callback: () => void): CancelTimer;
}

/** setTimeout takes no more than this; a timer further off is set again when it fires. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

/** The machine's own time. Its timers keep no process alive. */
export const realClock: Clock = {
  now: () => Date.now(),
  setTimer(at, callback) {
    let timeout: NodeJS.Timeout;
    const arm = (): void => {
      const left = at - Date.now();
      timeout = setTimeout(left > 0 ? fire : callback, Math.min(Math.max(left, 0), LONGEST_TIMEOUT));
      timeout.unref();
    };
    const fire = (): void => (Date.now() >= at ? callback() : arm());
    arm();
    return () => clearTimeout(timeout);
  },
};

interface ManualTimer {
  at: number;
  callback: () => void;
}

/** A clock that stands still until it is told to move. */
export class ManualClock implements Clock {
  #now: number;
  readonly #timers = new Set<ManualTimer>();

  /** `start` is its first `now()` (default: the machine's). */
  constructor(start: number = Date.now()) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  setTimer(at: number, callback: () => void): CancelTimer {
    const timer = { at, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that have not fired: none, when whoever uses the clock is at rest. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Moves on by `ms`, firing on the way what falls due, each at its own time, earliest first. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let timer = this.#earliest(); timer !== undefined && timer.at <= end; timer = this.#earliest()) {
      this.#timers.delete(timer);
      this.#now = Math.max(this.#now, timer.at);
      timer.callback();
    }
    this.#now = end;
  }

  #earliest(): ManualTimer | undefined {
    let earliest: ManualTimer | undefined;
    for (const timer of this.#timers) if (earliest === undefined || timer.at < earliest.at) earliest = timer;
    return earliest;
  }
}
