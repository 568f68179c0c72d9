import { MillraceError } from '../errors.ts';
import { type Entry, newEntry } from './entry.ts';
import type { PushCaller, PushedJob, PushOptions } from './options.ts';
import type { PushTally } from './push-tally.ts';

/** All jobs that are not settled, the oldest first: tells the caller of each what became of it, once. */
export class Settling {
  readonly #tally: PushTally;
  readonly #onSettled: (entry: Entry) => void;
  readonly #unsettled = new Set<Entry>();
  #asked = 0;
  #waiters: (() => void)[] = [];

  constructor(tally: PushTally, onSettled: (entry: Entry) => void) {
    this.#tally = tally;
    this.#onSettled = onSettled;
  }

  /** The entry of a job: from now on it is waited for. */
  begin(job: PushedJob, options: PushOptions | undefined, caller: PushCaller): Entry {
    this.#asked += 1;
    const entry = newEntry(job, options, this.#asked, caller);
    this.#unsettled.add(entry);
    return entry;
  }

  stored(entry: Entry): void {
    this.#settle(entry);
    this.#tally.stored += 1;
    entry.caller.onStored(entry.job.jid);
  }

  refused(entry: Entry, reason: string): void {
    this.#settle(entry);
    this.#tally.refused += 1;
    // After an unknown outcome it may be stored all the same: Faktory may refuse it because it has it.
    if (!entry.maybeStored) entry.job.completion?.onVoid();
    entry.caller.onFailed(
      new MillraceError('JOB_REJECTED', `Faktory refused job ${entry.job.jid}: ${reason}`),
    );
  }

  /** It could not be completed. */
  incomplete(entry: Entry, error: MillraceError): void {
    this.#settle(entry);
    this.#tally.unsent += 1;
    entry.caller.onFailed(error);
  }

  /** It is not tried any more; `cause` is what kept it from being stored, or from being known to be. */
  giveUp(entry: Entry, cause: MillraceError): void {
    this.#settle(entry);
    const { jid } = entry.job;
    if (entry.maybeStored) {
      this.#tally.unknown += 1;
      const text = `job ${jid} may be stored or not: ${cause.message}`;
      entry.caller.onFailed(new MillraceError('DELIVERY_UNKNOWN', text, { cause }));
    } else {
      this.#tally.unsent += 1;
      entry.job.completion?.onVoid();
      const text = `job ${jid} was not stored: ${cause.message}`;
      entry.caller.onFailed(new MillraceError('FAKTORY_UNREACHABLE', text, { cause }));
    }
  }

  /** Resolves when nothing is left to settle, of what was asked by now or comes meanwhile. */
  async idle(): Promise<void> {
    while (this.#unsettled.size > 0) await this.#change();
  }

  /** Resolves when all that was asked by now is settled, whatever comes meanwhile. */
  async settled(): Promise<void> {
    const last = this.#asked;
    for (;;) {
      const [oldest] = this.#unsettled;
      if (oldest === undefined || oldest.number > last) return;
      await this.#change();
    }
  }

  #settle(entry: Entry): void {
    this.#unsettled.delete(entry);
    this.#onSettled(entry);
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }
}
