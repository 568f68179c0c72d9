/**
 * The timers of a worker's reducers. They are *idle* until the worker works, then *ticking*, then *ending*: no run begins
 * by time any more, one that is under way may end, and a last one follows where batches have come since; then *over*.
 */
import { type MillraceError, messageOf } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { ReducerTimer } from './reducer.ts';

type State = 'idle' | 'ticking' | 'ending' | 'over';

export class ReducerTimers {
  readonly #logger: Logger;
  readonly #byJobtype = new Map<string, Ticker>();
  readonly #abort = new AbortController();
  #state: State = 'idle';

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Sets, or with undefined removes, the timer of a reducer. */
  set(jobtype: string, timer: ReducerTimer | undefined): void {
    this.#byJobtype.get(jobtype)?.stop();
    this.#byJobtype.delete(jobtype);
    if (timer === undefined) return;
    const ticker = new Ticker(jobtype, timer, this.#logger, this.#abort.signal);
    this.#byJobtype.set(jobtype, ticker);
    if (this.#state === 'ticking') ticker.start();
  }

  /** A batch of the jobtype has been reduced. */
  onBatch(jobtype: string): void {
    this.#byJobtype.get(jobtype)?.countBatch();
  }

  start(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'ticking';
    for (const ticker of this.#byJobtype.values()) ticker.start();
  }

  /** Resolves when the last runs have ended. */
  async finish(): Promise<void> {
    const wasTicking = this.#state === 'ticking';
    this.#state = 'ending';
    if (wasTicking) await Promise.all([...this.#byJobtype.values()].map((ticker) => ticker.finish()));
  }

  /** Waits no longer: the signals of what runs abort. */
  end(reason: MillraceError): void {
    this.#state = 'over';
    for (const ticker of this.#byJobtype.values()) ticker.stop();
    this.#abort.abort(reason);
  }
}

class Ticker {
  readonly #jobtype: string;
  readonly #timer: ReducerTimer;
  readonly #logger: Logger;
  readonly #signal: AbortSignal;
  #batches = 0;
  #waiting: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(jobtype: string, timer: ReducerTimer, logger: Logger, signal: AbortSignal) {
    this.#jobtype = jobtype;
    this.#timer = timer;
    this.#logger = logger;
    this.#signal = signal;
  }

  countBatch(): void {
    this.#batches += 1;
  }

  start(): void {
    if (this.#stopped) return;
    this.#waiting = setTimeout(() => {
      this.#running = this.#run(false).finally(() => {
        this.#running = undefined;
        this.start();
      });
    }, this.#timer.everyMs);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#waiting);
  }

  async finish(): Promise<void> {
    this.stop();
    await this.#running;
    if (this.#batches > 0 && !this.#signal.aborted) await this.#run(true);
  }

  async #run(last: boolean): Promise<void> {
    const batches = this.#batches;
    this.#batches = 0;
    try {
      await this.#timer.run({ batches, last, signal: this.#signal });
    } catch (error) {
      // What was to be done is still to be done.
      this.#batches += batches;
      const fields = { jobtype: this.#jobtype, reason: messageOf(error) };
      this.#logger.error(fields, 'the timer of a reducer failed; it goes on');
    }
  }
}
