/** How an iterable is pushed: as fast as there is room, with an outcome for each, in order. */
import { Deque } from '../deque.ts';
import type { MillraceError } from '../errors.ts';
import type { PushCaller } from '../pushing/options.ts';

/** What became of one job of `pushAll`: `error` when it was not stored, or may not be. */
export type PushOutcome<J> =
  | { job: J; jid: string; error?: undefined }
  | { job: J; jid?: undefined; error: MillraceError };

export interface PushAllOptions<J> {
  /** Outcomes kept at most, while the first of them is not known. */
  most: number;
  /** Tells `caller` when there was room, and what became of the job; throws what it finds at once. */
  push(caller: PushCaller, job: J): void;
  /** Why nothing more is taken, once that is so. */
  whyEnded(): MillraceError | undefined;
}

/**
 * Takes a job from the source only when the one before it was admitted. Ends, after the outcomes of all that it
 * took, by throwing what the source threw, or what `whyEnded` says.
 */
export async function* pushAll<J>(
  jobs: Iterable<J> | AsyncIterable<J>,
  { most, push, whyEnded }: PushAllOptions<J>,
): AsyncGenerator<PushOutcome<J>> {
  const change = new Change();
  const source = new Source(jobs, change);
  const outcomes = new Deque<Outcome<J>>();
  let last: Outcome<J> | undefined;
  try {
    for (;;) {
      const head = outcomes.peek();
      if (head?.known !== undefined) {
        outcomes.shift();
        yield head.known;
        continue;
      }
      const ended = source.ended || whyEnded() !== undefined;
      if (head === undefined && ended) break;
      const mayTake = !ended && outcomes.size < most && last?.admitted !== false;
      const next = mayTake ? source.take() : undefined;
      if (next !== undefined) {
        last = new Outcome(next.job, change);
        outcomes.push(last);
        last.push(push);
      } else if (!mayTake || !source.ended) await change.next();
    }
  } finally {
    source.close();
  }
  source.assertRead(whyEnded());
}

/** What is waited for: a job that comes, one that is admitted, or an outcome that is known. */
class Change {
  #wake: (() => void) | undefined;

  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  readonly tell = (): void => {
    this.#wake?.();
    this.#wake = undefined;
  };
}

/** The place of a job among the outcomes. */
class Outcome<J> implements PushCaller {
  readonly #job: J;
  readonly #change: Change;
  admitted = false;
  known: PushOutcome<J> | undefined;

  constructor(job: J, change: Change) {
    this.#job = job;
    this.#change = change;
  }

  push(push: PushAllOptions<J>['push']): void {
    try {
      push(this, this.#job);
    } catch (error) {
      this.onFailed(error as MillraceError);
    }
  }

  onAdmitted(): void {
    this.admitted = true;
    this.#change.tell();
  }

  onStored(jid: string): void {
    this.#settle({ job: this.#job, jid });
  }

  onFailed(error: MillraceError): void {
    this.#settle({ job: this.#job, error });
  }

  #settle(known: PushOutcome<J>): void {
    this.admitted = true;
    this.known = known;
    this.#change.tell();
  }
}

/** The iterable, asked for one job at a time; what is not there when asked for is told as a change once it is. */
class Source<J> {
  readonly #iterator: Iterator<J> | AsyncIterator<J>;
  readonly #change: Change;
  #asked = false;
  #arrived: { job: J } | undefined;
  ended = false;
  #failure: { error: unknown } | undefined;

  constructor(jobs: Iterable<J> | AsyncIterable<J>, change: Change) {
    this.#change = change;
    this.#iterator = Symbol.asyncIterator in jobs ? jobs[Symbol.asyncIterator]() : jobs[Symbol.iterator]();
  }

  /** The next job, if it is there; otherwise asks for it. */
  take(): { job: J } | undefined {
    if (!this.#asked) this.#ask();
    const arrived = this.#arrived;
    if (arrived === undefined) return undefined;
    this.#arrived = undefined;
    this.#asked = false;
    return arrived;
  }

  /** Throws what the iterable threw, or `why` when it was not read to its end. */
  assertRead(why: MillraceError | undefined): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (!this.ended && why !== undefined) throw why;
  }

  /** Lets the iterable clean up when it was not read to its end. */
  close(): void {
    if (this.ended) return;
    void (async () => this.#iterator.return?.())().catch(() => {});
  }

  #ask(): void {
    this.#asked = true;
    try {
      const result = this.#iterator.next();
      if (isThenable(result)) void this.#await(result);
      else if (isThenable(result.value)) void this.#await(Promise.resolve(result));
      else this.#receive(result);
    } catch (error) {
      this.#fail(error);
    }
  }

  async #await(arriving: PromiseLike<IteratorResult<J>>): Promise<void> {
    try {
      const result = await arriving;
      // An iterable of promises is taken as `for await` takes it.
      this.#receive({ ...result, value: await result.value });
    } catch (error) {
      this.#fail(error);
    }
    this.#change.tell();
  }

  #receive({ done, value }: IteratorResult<J>): void {
    if (done) this.ended = true;
    else this.#arrived = { job: value };
  }

  #fail(error: unknown): void {
    this.ended = true;
    this.#failure = { error };
  }
}

function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value;
}
