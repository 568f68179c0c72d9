/** What the coordinator has yet to be told: tried again, in order, until it is. */
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';

const AGAIN_AFTER_MS = 500;
/** What is forgotten beyond it makes gaps that are waited for: slow, but nothing is lost. */
const MOST = 10_000;

export class Unsettled {
  readonly #logger: Logger;
  readonly #tells: (() => Promise<unknown>)[] = [];
  /** Resting with nothing to tell, telling, waiting to try again, and closed for good. */
  #state: 'resting' | 'telling' | 'waiting' | 'closed' = 'resting';
  #timer: NodeJS.Timeout | undefined;

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

  close(): void {
    this.#state = 'closed';
    clearTimeout(this.#timer);
    this.#tells.length = 0;
  }

  async #tellAll(): Promise<void> {
    this.#state = 'telling';
    for (let tell = this.#tells[0]; tell !== undefined; tell = this.#tells[0]) {
      try {
        await tell();
      } catch (error) {
        this.#logger.debug({}, `void numbers are told later: ${messageOf(error)}`);
        return this.#wait();
      }
      if (this.#tells[0] === tell) this.#tells.shift();
    }
    if (this.#state === 'telling') this.#state = 'resting';
  }

  #wait(): void {
    if (this.#state !== 'telling') return;
    this.#state = 'waiting';
    this.#timer = setTimeout(() => void this.#tellAll(), AGAIN_AFTER_MS);
    this.#timer.unref();
  }
}
