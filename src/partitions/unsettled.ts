/** What the coordinator has yet to be told: tried again, in order, until it is. */
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';

const AGAIN_AFTER_MS = 500;
/** What is forgotten beyond it makes gaps that are waited for: slow, but nothing is lost. */
const MOST = 10_000;

/** Resting with nothing to tell, telling, waiting to try again, and closed for good. */
type State = 'resting' | 'telling' | 'waiting' | 'closed';

export class Unsettled {
  readonly #logger: Logger;
  readonly #tells: (() => Promise<unknown>)[] = [];
  #state: State = 'resting';
  #timer: NodeJS.Timeout | undefined;
  #waiters: (() => void)[] = [];

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get size(): number {
    return this.#tells.length;
  }

  /** `tell` is called until it resolves; it must do no harm twice. */
  add(tell: () => Promise<unknown>): void {
    if (this.#state === 'closed') return;
    if (this.#tells.length >= MOST) {
      this.#tells.shift();
      this.#logger.warn({}, 'void numbers of a partition could not be told: its owner will wait for them');
    }
    this.#tells.push(tell);
    if (this.#state === 'resting') void this.#tellAll();
  }

  /** Resolves when nothing is left, or what is left has to be tried again later. */
  async tried(): Promise<void> {
    if (this.#state === 'telling') await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  close(): void {
    this.#setState('closed');
    clearTimeout(this.#timer);
    this.#tells.length = 0;
  }

  async #tellAll(): Promise<void> {
    this.#setState('telling');
    for (let tell = this.#tells[0]; tell !== undefined; tell = this.#tells[0]) {
      try {
        await tell();
      } catch (error) {
        this.#logger.debug({}, `void numbers are told later: ${messageOf(error)}`);
        return this.#wait();
      }
      if (this.#tells[0] === tell) this.#tells.shift();
    }
    if (this.#state === 'telling') this.#setState('resting');
  }

  #setState(next: State): void {
    this.#state = next;
    if (next === 'telling') return;
    for (const resolve of this.#waiters) resolve();
    this.#waiters = [];
  }

  #wait(): void {
    if (this.#state !== 'telling') return;
    this.#setState('waiting');
    this.#timer = setTimeout(() => void this.#tellAll(), AGAIN_AFTER_MS);
    this.#timer.unref();
  }
}
