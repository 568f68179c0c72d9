import { isMillraceError, MillraceError, messageOf } from '../errors.ts';
import { within } from '../within.ts';

/** How long somebody's asynchronous schema may take over one payload. */
const CHECK_LIMIT_MS = 10_000;

/** Pushes whose payload is still checked: accepted, and not known to the pusher yet. */
export class Checks {
  readonly #limitMs: number;
  readonly #under = new Set<Promise<unknown>>();
  #asking = 0;

  constructor(limitMs = CHECK_LIMIT_MS) {
    this.#limitMs = limitMs;
  }

  /** Payloads of which nothing is known yet: each will ask for room. */
  get asking(): number {
    return this.#asking;
  }

  /**
   * Runs `next` with what the check resolves to; until that is settled, too, it is waited for by `settled`. Rejects with
   * CHECK_TIMEOUT, with INTERNAL for what is no error of this package, and as both do.
   */
  run<T extends object, R>(check: Promise<T>, next: (checked: T) => Promise<R>): Promise<R> {
    const outcome = this.#inTime(check).then(next);
    this.#under.add(outcome);
    const forget = (): void => void this.#under.delete(outcome);
    outcome.then(forget, forget);
    return outcome;
  }

  /** Resolves when all that are under way by now have been pushed and settled, or refused. */
  async settled(): Promise<void> {
    if (this.#under.size > 0) await Promise.allSettled([...this.#under]);
  }

  async #inTime<T extends object>(check: Promise<T>): Promise<T> {
    this.#asking += 1;
    try {
      const checked = await within(check, this.#limitMs);
      if (checked !== undefined) return checked;
    } catch (thrown) {
      throw checkError(thrown);
    } finally {
      this.#asking -= 1;
    }
    const text = `the schema did not check the payload within ${this.#limitMs} ms, the job was not stored`;
    throw new MillraceError('CHECK_TIMEOUT', text);
  }
}

/** Schemas may throw anything, `undefined` included; who pushes gets an error of this package. */
export function checkError(thrown: unknown): MillraceError {
  if (isMillraceError(thrown)) return thrown;
  const text = `the job could not be checked: ${messageOf(thrown)}`;
  return new MillraceError('INTERNAL', text, { cause: thrown });
}
