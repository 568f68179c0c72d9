/** What the bulks of an API have on their way together. One that waits for its client has nothing there, and costs none. */
import { isFull, type Share, shareOf } from './share.ts';

export class Load {
  /** Jobs that were taken and whose outcome is not known, and their bytes. */
  jobs = 0;
  bytes = 0;
  /** Bulks that have such jobs. */
  pushing = 0;
  /** Bulks whose client has not read all that it was told. */
  unread = 0;
}

/** What one bulk has of it. */
export class OwnLoad {
  readonly #all: Load;
  readonly #maxInFlight: number;
  #jobs = 0;
  #isUnread = false;
  #isOver = false;

  constructor(all: Load, maxInFlight: number) {
    this.#all = all;
    this.#maxInFlight = maxInFlight;
  }

  /** What it may hold now, itself counted in. */
  get share(): Share {
    const pushing = this.#all.pushing + (this.#jobs > 0 ? 0 : 1);
    const unread = this.#all.unread + (this.#isUnread ? 0 : 1);
    return shareOf({ pushing, unread, maxInFlight: this.#maxInFlight });
  }

  /** Whether all of them together have as much as they may. */
  get isFull(): boolean {
    return isFull(this.#all, this.#maxInFlight);
  }

  /** A job of so many bytes was taken. */
  add(bytes: number): void {
    if (this.#jobs === 0) this.#all.pushing += 1;
    this.#jobs += 1;
    this.#all.jobs += 1;
    this.#all.bytes += bytes;
  }

  /** Its outcome is known. */
  remove(bytes: number): void {
    this.#jobs -= 1;
    this.#all.jobs -= 1;
    this.#all.bytes -= bytes;
    if (this.#jobs === 0) this.#all.pushing -= 1;
  }

  /** Bytes of the answer that were not read. */
  noteUnread(bytes: number): void {
    this.#setUnread(bytes > 0 && !this.#isOver);
  }

  /** Whatever of its answer is left is held no more. */
  end(): void {
    this.#isOver = true;
    this.#setUnread(false);
  }

  #setUnread(isUnread: boolean): void {
    if (isUnread === this.#isUnread) return;
    this.#isUnread = isUnread;
    this.#all.unread += isUnread ? 1 : -1;
  }
}
