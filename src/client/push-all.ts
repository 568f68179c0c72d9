/** How an iterable is pushed: as fast as there is room, with an outcome for each, in order. */
import { Deque } from '../deque.ts';
import type { MillraceError } from '../errors.ts';

/** What became of one job of `pushAll`: `error` when it was not stored, or may not be. */
export type PushOutcome<J> =
  | { job: J; jid: string; error?: undefined }
  | { job: J; jid?: undefined; error: MillraceError };

export interface PushAllOptions<J> {
  /** Outcomes kept at most, while the first of them is not known. */
  most: number;
  /** Resolves to the jid; `onAdmitted` is called when there was room. */
  push(job: J, onAdmitted: () => void): Promise<string>;
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
  const source = new Source(jobs);
  const outcomes = new Deque<Outcome<J>>();
  let last: Outcome<J> | undefined;
  try {
    for (;;) {
      const head = outcomes.peek();
      const ended = source.ended || whyEnded() !== undefined;
      if (head === undefined && ended) break;
      const full = outcomes.size >= most || last?.admitted === false;
      if (head !== undefined && (head.settled || full || ended)) {
        yield await head.promise;
        outcomes.shift();
        continue;
      }
      const next = await source.next(head?.promise);
      if (next === undefined) continue;
      last = new Outcome(next.job, push);
      outcomes.push(last);
    }
  } finally {
    source.close();
  }
  if (source.failure !== undefined) throw source.failure.error;
  const why = whyEnded();
  if (why !== undefined && !source.ended) throw why;
}

class Outcome<J> {
  readonly promise: Promise<PushOutcome<J>>;
  admitted = false;
  settled = false;

  constructor(job: J, push: PushAllOptions<J>['push']) {
    const onAdmitted = (): void => {
      this.admitted = true;
    };
    const settle = (outcome: PushOutcome<J>): PushOutcome<J> => {
      this.admitted = true;
      this.settled = true;
      return outcome;
    };
    this.promise = push(job, onAdmitted).then(
      (jid) => settle({ job, jid }),
      (error: MillraceError) => settle({ job, error }),
    );
  }
}

/** An iterator that can be waited for together with something else, without losing what comes. */
class Source<J> {
  readonly #iterator: Iterator<J> | AsyncIterator<J>;
  #arriving: Promise<{ job: J } | undefined> | undefined;
  ended = false;
  failure: { error: unknown } | undefined;

  constructor(jobs: Iterable<J> | AsyncIterable<J>) {
    this.#iterator = Symbol.asyncIterator in jobs ? jobs[Symbol.asyncIterator]() : jobs[Symbol.iterator]();
  }

  /** The next job; undefined when there is none, or when `otherwise` was settled first. */
  async next(otherwise: Promise<unknown> | undefined): Promise<{ job: J } | undefined> {
    this.#arriving ??= this.#ask();
    const arrived = await Promise.race([this.#arriving, otherwise?.then(() => undefined) ?? this.#arriving]);
    if (arrived !== undefined) this.#arriving = undefined;
    return arrived;
  }

  /** Lets the iterable clean up when it was not read to its end. */
  close(): void {
    if (this.ended) return;
    void (async () => this.#iterator.return?.())().catch(() => {});
  }

  async #ask(): Promise<{ job: J } | undefined> {
    try {
      const { done, value } = await this.#iterator.next();
      this.ended = done === true;
      // An iterable of promises is taken as `for await` takes it.
      return done ? undefined : { job: (await value) as J };
    } catch (error) {
      this.ended = true;
      this.failure = { error };
      return undefined;
    }
  }
}
