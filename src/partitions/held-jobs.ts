/** Jobs that wait for their turn, by epoch and number. Pure. */
import type { Position } from './stamp.ts';

export class HeldJobs<J> {
  readonly #epochs = new Map<number, Map<number, J>>();

  get size(): number {
    let size = 0;
    for (const jobs of this.#epochs.values()) size += jobs.size;
    return size;
  }

  has({ epoch, number }: Position): boolean {
    return this.#epochs.get(epoch)?.has(number) === true;
  }

  get({ epoch, number }: Position): J | undefined {
    return this.#epochs.get(epoch)?.get(number);
  }

  /** Returns the one that was held under the number before. */
  put({ epoch, number }: Position, job: J): J | undefined {
    let jobs = this.#epochs.get(epoch);
    if (jobs === undefined) {
      jobs = new Map();
      this.#epochs.set(epoch, jobs);
    }
    const before = jobs.get(number);
    jobs.set(number, job);
    return before;
  }

  take({ epoch, number }: Position): J | undefined {
    const jobs = this.#epochs.get(epoch);
    const job = jobs?.get(number);
    jobs?.delete(number);
    if (jobs?.size === 0) this.#epochs.delete(epoch);
    return job;
  }

  hasOf(epoch: number): boolean {
    return this.#epochs.has(epoch);
  }

  /** Of an epoch; infinite where none is held. */
  lowest(epoch: number): number {
    let lowest = Number.POSITIVE_INFINITY;
    for (const number of this.#epochs.get(epoch)?.keys() ?? []) if (number < lowest) lowest = number;
    return lowest;
  }

  /** Whether a job of an epoch after `epoch` is held. */
  reachesBeyond(epoch: number): boolean {
    for (const each of this.#epochs.keys()) if (each > epoch) return true;
    return false;
  }

  /** Takes out all of the epochs before `epoch`. */
  takeBefore(epoch: number): { readonly at: Position; readonly job: J }[] {
    return [...this.#epochs]
      .filter(([each]) => each < epoch)
      .flatMap(([each, jobs]) => {
        this.#epochs.delete(each);
        return [...jobs].map(([number, job]) => ({ at: { epoch: each, number }, job }));
      });
  }
}
