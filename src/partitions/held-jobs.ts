/** Jobs that wait for their turn, by epoch and number. Pure. */
import type { Position } from './stamp.ts';

interface OfEpoch<J> {
  readonly jobs: Map<number, J>;
  /** Undefined: to be looked for. It is asked for with each job that comes while one is missing. */
  lowest: number | undefined;
}

export class HeldJobs<J> {
  readonly #epochs = new Map<number, OfEpoch<J>>();

  get size(): number {
    let size = 0;
    for (const { jobs } of this.#epochs.values()) size += jobs.size;
    return size;
  }

  has({ epoch, number }: Position): boolean {
    return this.#epochs.get(epoch)?.jobs.has(number) === true;
  }

  get({ epoch, number }: Position): J | undefined {
    return this.#epochs.get(epoch)?.jobs.get(number);
  }

  /** Returns the one that was held under the number before. */
  put({ epoch, number }: Position, job: J): J | undefined {
    let ofEpoch = this.#epochs.get(epoch);
    if (ofEpoch === undefined) {
      ofEpoch = { jobs: new Map(), lowest: number };
      this.#epochs.set(epoch, ofEpoch);
    }
    const { jobs, lowest } = ofEpoch;
    const before = jobs.get(number);
    jobs.set(number, job);
    if (lowest !== undefined && number < lowest) ofEpoch.lowest = number;
    return before;
  }

  take({ epoch, number }: Position): J | undefined {
    const ofEpoch = this.#epochs.get(epoch);
    if (ofEpoch === undefined) return undefined;
    const { jobs } = ofEpoch;
    const job = jobs.get(number);
    jobs.delete(number);
    if (jobs.size === 0) this.#epochs.delete(epoch);
    else if (ofEpoch.lowest === number) ofEpoch.lowest = undefined;
    return job;
  }

  hasOf(epoch: number): boolean {
    return this.#epochs.has(epoch);
  }

  /** Of an epoch; infinite where none is held. */
  lowest(epoch: number): number {
    const ofEpoch = this.#epochs.get(epoch);
    if (ofEpoch === undefined) return Number.POSITIVE_INFINITY;
    ofEpoch.lowest ??= lowestOf(ofEpoch.jobs.keys());
    return ofEpoch.lowest;
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
      .flatMap(([each, { jobs }]) => {
        this.#epochs.delete(each);
        return [...jobs].map(([number, job]) => ({ at: { epoch: each, number }, job }));
      });
  }
}

function lowestOf(numbers: Iterable<number>): number {
  let lowest = Number.POSITIVE_INFINITY;
  for (const number of numbers) if (number < lowest) lowest = number;
  return lowest;
}
