import type { Attempt } from './store.ts';

/** Beyond, the oldest are forgotten: their keys are free again when their lease is over. */
const MOST = 10_000;

/** Attempts that the store may have taken and did not answer, so that nothing was pushed for them: by key, who they were. */
export class UnheardAttempts {
  readonly #owners = new Map<string, string>();

  add({ id, owner }: Attempt): void {
    this.#owners.set(id, owner);
    if (this.#owners.size <= MOST) return;
    const [oldest] = this.#owners.keys();
    this.#owners.delete(oldest!);
  }

  /** The owner of the last one of a key; for one attempt only, or two would have the key at once. */
  take(id: string): string | undefined {
    const owner = this.#owners.get(id);
    this.#owners.delete(id);
    return owner;
  }

  /** The store has heard that it is over. */
  drop({ id, owner }: Attempt): void {
    if (this.#owners.get(id) === owner) this.#owners.delete(id);
  }
}
