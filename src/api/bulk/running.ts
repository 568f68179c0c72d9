import { Load } from './load.ts';

/** The bulks that are under way: they share what one may hold, and all stop when the API shuts down. */
export class RunningBulks {
  readonly load = new Load();
  readonly #bulks = new Set<{ shutDown(): void }>();

  get count(): number {
    return this.#bulks.size;
  }

  add(bulk: { shutDown(): void }): void {
    this.#bulks.add(bulk);
  }

  delete(bulk: { shutDown(): void }): void {
    this.#bulks.delete(bulk);
  }

  /** None reads on; each answers what it has taken, and where it stopped. */
  shutDown(): void {
    for (const bulk of this.#bulks) bulk.shutDown();
  }
}
