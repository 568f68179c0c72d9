/** Pushes whose payload is still checked: accepted, and not known to the pusher yet. */
export class Checks {
  readonly #under = new Set<Promise<unknown>>();

  /** Runs `next` with what the check resolves to; until that is settled, too, it is waited for by `settled`. */
  run<T, R>(check: Promise<T>, next: (checked: T) => Promise<R>): Promise<R> {
    const outcome = check.then(next);
    this.#under.add(outcome);
    const forget = (): void => void this.#under.delete(outcome);
    outcome.then(forget, forget);
    return outcome;
  }

  /** Resolves when all that are under way by now have been pushed and settled, or refused. */
  async settled(): Promise<void> {
    if (this.#under.size > 0) await Promise.allSettled([...this.#under]);
  }
}
