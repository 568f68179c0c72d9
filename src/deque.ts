/**
 * A first-in, first-out row in a ring that doubles when it is full: push and shift at constant cost, no
 * garbage. It is not bounded by itself; who fills it bounds it.
 */
export class Deque<T> {
  #ring: (T | undefined)[];
  #head = 0;
  #size = 0;

  /** `capacity` is where the ring starts; it is rounded up to a power of two. */
  constructor(capacity = 16) {
    let ring = 2;
    while (ring < capacity) ring *= 2;
    this.#ring = new Array<T | undefined>(ring).fill(undefined);
  }

  get size(): number {
    return this.#size;
  }

  push(item: T): void {
    if (this.#size === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#size) & (this.#ring.length - 1)] = item;
    this.#size += 1;
  }

  /** Puts an item back in front of all others. */
  unshift(item: T): void {
    if (this.#size === this.#ring.length) this.#grow();
    this.#head = (this.#head - 1) & (this.#ring.length - 1);
    this.#ring[this.#head] = item;
    this.#size += 1;
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const item = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#size -= 1;
    return item;
  }

  peek(): T | undefined {
    return this.#size === 0 ? undefined : this.#ring[this.#head];
  }

  clear(): void {
    while (this.#size > 0) this.shift();
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let i = 0; i < this.#size; i += 1) {
      yield this.#ring[(this.#head + i) & (this.#ring.length - 1)] as T;
    }
  }

  #grow(): void {
    const items = [...this];
    this.#ring = new Array<T | undefined>(this.#ring.length * 2).fill(undefined);
    for (let i = 0; i < items.length; i += 1) this.#ring[i] = items[i];
    this.#head = 0;
  }
}
