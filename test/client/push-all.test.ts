import { describe, expect, it } from 'vitest';
import { type PushAllOptions, pushAll } from '../../src/client/push-all.ts';
import { MillraceError } from '../../src/errors.ts';
import type { PushCaller } from '../../src/pushing/options.ts';
import { turns } from '../connection/ask.ts';

/** Where pushes go: `room` of them at once; the test says what becomes of each. */
class Sink {
  readonly admitted: string[] = [];
  readonly #callers = new Map<string, PushCaller>();
  readonly #asking: (() => void)[] = [];
  room: number;
  ended: MillraceError | undefined;

  constructor(room: number) {
    this.room = room;
  }

  readonly options = (most = 100): PushAllOptions<string> => ({
    most,
    whyEnded: () => this.ended,
    push: (caller, job) => {
      this.#callers.set(job, caller);
      this.#asking.push(() => {
        this.room -= 1;
        this.admitted.push(job);
        caller.onAdmitted?.();
      });
      this.#letIn();
    },
  });

  /** Stored, or failed with `code`. */
  async settle(job: string, code?: 'JOB_REJECTED'): Promise<void> {
    const caller = this.#callers.get(job)!;
    if (code === undefined) caller.onStored(`jid of ${job}`);
    else caller.onFailed(new MillraceError(code));
    this.room += 1;
    this.#letIn();
    await turns(2);
  }

  #letIn(): void {
    while (this.room > 0 && this.#asking.length > 0) this.#asking.shift()!();
  }
}

/** Reads all outcomes, as they come. */
function read(outcomes: AsyncGenerator<{ job: string; error?: Error | undefined }>) {
  const told: string[] = [];
  const ended = (async () => {
    for await (const { job, error } of outcomes) {
      told.push(error === undefined ? job : `${job}: ${(error as MillraceError).code}`);
    }
  })();
  return { told, ended };
}

/** Counts what is taken from it, and knows whether it was closed. */
function source(jobs: Iterable<string>) {
  const it = {
    taken: 0,
    closed: false,
    *[Symbol.iterator](): Generator<string> {
      try {
        for (const job of jobs) {
          it.taken += 1;
          yield job;
        }
      } finally {
        it.closed = true;
      }
    },
  };
  return it;
}

/** An async iterable that yields when it is told to. */
function tap() {
  let give: (result: IteratorResult<string>) => void = () => {};
  return {
    give: (value: string) => give({ done: false, value }),
    end: () => give({ done: true, value: undefined }),
    [Symbol.asyncIterator]: () => ({
      next: () =>
        new Promise<IteratorResult<string>>((resolve) => {
          give = resolve;
        }),
    }),
  };
}

describe('pushAll', () => {
  it('tells what became of each, in order, whatever the order it was known in', async () => {
    const sink = new Sink(10);
    const { told, ended } = read(pushAll(['a', 'b', 'c'], sink.options()));
    await turns(2);
    await sink.settle('c');
    await sink.settle('b', 'JOB_REJECTED');
    expect(told).toEqual([]);
    await sink.settle('a');
    await ended;
    expect(told).toEqual(['a', 'b: JOB_REJECTED', 'c']);
  });

  it('takes the next one only when there was room for the one before', async () => {
    const sink = new Sink(2);
    const jobs = source('abcdef');
    const { told, ended } = read(pushAll(jobs, sink.options()));
    await turns();
    expect([jobs.taken, sink.admitted]).toEqual([3, ['a', 'b']]);
    await sink.settle('b');
    await turns();
    expect([jobs.taken, sink.admitted, told]).toEqual([4, ['a', 'b', 'c'], []]);
    await sink.settle('a');
    await turns();
    expect([jobs.taken, told]).toEqual([5, ['a', 'b']]);
    for (const job of 'cdef') await sink.settle(job);
    await ended;
    expect(told.join('')).toBe('abcdef');
  });

  it('does not heap up outcomes behind one that is long unknown', async () => {
    const sink = new Sink(1_000);
    const jobs = source('abcdefghij');
    const { told, ended } = read(pushAll(jobs, sink.options(4)));
    for (const job of 'bcd') {
      await turns();
      await sink.settle(job);
    }
    await turns();
    expect([jobs.taken, told]).toEqual([4, []]);
    await sink.settle('a');
    for (const job of 'efghij') {
      await turns();
      await sink.settle(job);
    }
    await ended;
    expect(told.join('')).toBe('abcdefghij');
  });

  it('takes no more while its reader does not read', async () => {
    const sink = new Sink(1_000);
    const jobs = source('abcdef');
    const outcomes = pushAll(jobs, sink.options(2));
    expect(jobs.taken).toBe(0);
    const first = outcomes.next();
    await turns();
    for (const job of 'ab') await sink.settle(job);
    expect(await first).toMatchObject({ value: { job: 'a', jid: 'jid of a' } });
    await turns();
    expect(jobs.taken).toBe(2);
    await outcomes.return(undefined);
    expect(jobs.closed).toBe(true);
  });

  it('tells an outcome when it is known, also while the source has nothing new', async () => {
    const sink = new Sink(10);
    const jobs = tap();
    const { told, ended } = read(pushAll(jobs, sink.options()));
    await turns();
    jobs.give('a');
    await turns();
    await sink.settle('a');
    expect(told).toEqual(['a']);
    jobs.give('b');
    await turns();
    await sink.settle('b');
    expect(told).toEqual(['a', 'b']);
    jobs.end();
    await ended;
  });

  it('takes an async iterable, and promises, as for await does', async () => {
    const sink = new Sink(10);
    async function* generate() {
      yield 'a';
      await turns(1);
      yield 'b';
    }
    const one = read(pushAll(generate(), sink.options()));
    const two = read(pushAll([Promise.resolve('c')] as unknown as string[], sink.options()));
    await turns();
    for (const job of 'abc') await sink.settle(job);
    await Promise.all([one.ended, two.ended]);
    expect([one.told, two.told]).toEqual([['a', 'b'], ['c']]);
  });

  it('throws what the source throws, after the outcomes of what it took', async () => {
    const sink = new Sink(10);
    const broken = new Error('line 3 is no JSON');
    function* generate() {
      yield 'a';
      yield 'b';
      throw broken;
    }
    const { told, ended } = read(pushAll(generate(), sink.options()));
    const rejected = expect(ended).rejects.toBe(broken);
    await turns();
    await sink.settle('a');
    await sink.settle('b');
    await rejected;
    expect(told).toEqual(['a', 'b']);
  });

  it('ends when nothing more is taken, after the outcomes of what it took, and closes the source', async () => {
    const sink = new Sink(1);
    const jobs = source('abcdef');
    const { told, ended } = read(pushAll(jobs, sink.options()));
    await turns();
    sink.ended = new MillraceError('CLOSED');
    const rejected = expect(ended).rejects.toMatchObject({ code: 'CLOSED' });
    await sink.settle('a');
    await sink.settle('b');
    await rejected;
    expect([told.join(''), jobs.taken, jobs.closed]).toEqual(['ab', 2, true]);
  });

  it('has nothing to say of nothing', async () => {
    const { told, ended } = read(pushAll([], new Sink(1).options()));
    await ended;
    expect(told).toEqual([]);
  });
});
