/** One timer for everything that the embedded Faktory does by time; none at all while there is nothing to do. */
import type { CancelTimer, Clock } from './clock.ts';

/** Something that has to happen by time. */
export interface TimedWork {
  /** When it next wants to run; Infinity when there is nothing to wait for. May be earlier than needed, never later. */
  due(): number;
  /** Does what is due by `now`. What it leaves undone must show in `due()` again. */
  run(now: number): void;
}

export class Scheduler {
  readonly #clock: Clock;
  readonly #works: TimedWork[] = [];
  readonly #onRun: () => void;
  #armedFor = Number.POSITIVE_INFINITY;
  #cancel: CancelTimer | undefined;
  #stopped = false;

  /** `onRun` is called after something was done. */
  constructor(clock: Clock, onRun: () => void = () => {}) {
    this.#clock = clock;
    this.#onRun = onRun;
  }

  add(work: TimedWork): void {
    this.#works.push(work);
    this.wake(work.due());
  }

  /** Says that some work has become due at `at`. Cheap when the timer fires earlier anyway. */
  readonly wake = (at: number): void => {
    if (at >= this.#armedFor || this.#stopped) return;
    this.#cancel?.();
    this.#armedFor = at;
    this.#cancel = this.#clock.setTimer(at, this.#fire);
  };

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  readonly #fire = (): void => {
    this.#cancel = undefined;
    this.#armedFor = Number.POSITIVE_INFINITY;
    const now = this.#clock.now();
    for (const work of this.#works) if (work.due() <= now) work.run(now);
    this.wake(this.#works.reduce((least, work) => Math.min(least, work.due()), Number.POSITIVE_INFINITY));
    this.#onRun();
  };
}

/** The first tick of a scan that runs each `every` ms (at whole multiples, as Faktory's) at or after `at`. */
export function nextTick(at: number, every: number): number {
  return Number.isFinite(at) ? Math.ceil(at / every) * every : at;
}
