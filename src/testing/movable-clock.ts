import { type CancelTimer, type Clock, realClock } from '../embedded/index.ts';

interface Timer {
  readonly at: number;
  readonly callback: () => void;
  cancel: CancelTimer;
}

/** The machine's time plus what it was moved on by. It goes on by itself, and never back. */
export class MovableClock implements Clock {
  #aheadMs = 0;
  readonly #timers = new Set<Timer>();

  now(): number {
    return realClock.now() + this.#aheadMs;
  }

  setTimer(at: number, callback: () => void): CancelTimer {
    const timer: Timer = { at, callback, cancel: () => {} };
    this.#timers.add(timer);
    this.#arm(timer);
    return () => this.#drop(timer);
  }

  /** Moves on by `ms`; what falls due on the way happens before this returns, each at its own time, earliest first. */
  advance(ms: number): void {
    const end = this.now() + ms;
    for (let timer = this.#earliest(); timer !== undefined && timer.at <= end; timer = this.#earliest()) {
      this.#moveTo(timer.at);
      this.#drop(timer);
      timer.callback();
    }
    this.#moveTo(end);
    for (const timer of this.#timers) {
      timer.cancel();
      this.#arm(timer);
    }
  }

  #moveTo(at: number): void {
    this.#aheadMs += Math.max(at - this.now(), 0);
  }

  #arm(timer: Timer): void {
    timer.cancel = realClock.setTimer(timer.at - this.#aheadMs, () => {
      this.#timers.delete(timer);
      timer.callback();
    });
  }

  #drop(timer: Timer): void {
    timer.cancel();
    this.#timers.delete(timer);
  }

  #earliest(): Timer | undefined {
    let earliest: Timer | undefined;
    for (const timer of this.#timers) if (earliest === undefined || timer.at < earliest.at) earliest = timer;
    return earliest;
  }
}
