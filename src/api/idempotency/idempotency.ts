/** Pushes a job once for each Idempotency-Key, and tells its repeats what became of it. */
import { messageOf } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import { newJid } from '../../protocol/job.ts';
import { Problem, problemOf } from '../problem.ts';
import type { Accepted } from '../submit.ts';
import type { Attempt, Ending, IdempotencyStore } from './store.ts';
import { UnheardAttempts } from './unheard.ts';

/** What became of requests with a key, for metrics. */
export type KeyOutcome = 'new' | 'replayed' | 'mismatch' | 'running' | 'resent' | 'unavailable';

/** What is asked for under a key. */
export interface KeyedRequest {
  readonly id: string;
  readonly fingerprint: string;
  /** Of the job. */
  readonly jid: string;
}

export interface KeyedAnswer {
  readonly accepted: Accepted;
  /** Nothing was pushed for this request: it is a repeat. */
  readonly isReplayed: boolean;
}

const WARN_EVERY_MS = 60_000;

export class Idempotency {
  readonly #store: IdempotencyStore;
  readonly #logger: Logger;
  /** Requests of this process that are on their way, by key and what they ask for: their repeats wait with them. */
  readonly #onTheirWay = new Map<string, Promise<KeyedAnswer>>();
  readonly #unheard = new UnheardAttempts();
  #warnedAt = Number.NEGATIVE_INFINITY;
  readonly counts: Record<KeyOutcome, number> = {
    new: 0,
    replayed: 0,
    mismatch: 0,
    running: 0,
    resent: 0,
    unavailable: 0,
  };

  constructor(store: IdempotencyStore, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
  }

  /** Opens the store now rather than at the first key. */
  connect(): void {
    this.#store.connect();
  }

  close(): void {
    this.#store.close();
  }

  /**
   * Has `push` push the job, unless a request with this key has. Throws IDEMPOTENCY_MISMATCH, IDEMPOTENCY_RUNNING,
   * IDEMPOTENCY_UNAVAILABLE, and what `push` throws.
   */
  async run(request: KeyedRequest, push: () => Promise<Accepted>): Promise<KeyedAnswer> {
    const name = request.id + request.fingerprint;
    const first = this.#onTheirWay.get(name);
    if (first !== undefined) {
      this.counts.replayed += 1;
      return { ...(await first), isReplayed: true };
    }
    const answer = this.#ask(request, push);
    this.#onTheirWay.set(name, answer);
    try {
      return await answer;
    } finally {
      this.#onTheirWay.delete(name);
    }
  }

  async #ask({ id, fingerprint, jid }: KeyedRequest, push: () => Promise<Accepted>): Promise<KeyedAnswer> {
    const attempt = { id, fingerprint, owner: this.#unheard.take(id) ?? newJid() };
    const begun = await this.#begin(attempt);
    switch (begun.is) {
      case 'mismatch':
        this.counts.mismatch += 1;
        throw new Problem('IDEMPOTENCY_MISMATCH');
      case 'running':
        this.counts.running += 1;
        throw new Problem('IDEMPOTENCY_RUNNING');
      case 'done':
        this.counts.replayed += 1;
        return { accepted: { jid, queue: begun.queue }, isReplayed: true };
      case 'new':
        this.counts.new += 1;
        break;
      case 'resend':
        this.counts.resent += 1;
        break;
      default:
        return begun satisfies never;
    }
    return { accepted: await this.#push(attempt, push), isReplayed: false };
  }

  /** The key is this attempt's: pushes, and says how that ended before anyone is answered. */
  async #push(attempt: Attempt, push: () => Promise<Accepted>): Promise<Accepted> {
    try {
      const accepted = await push();
      await this.#finish(attempt, { is: 'stored', queue: accepted.queue });
      return accepted;
    } catch (thrown) {
      await this.#finish(attempt, { is: isCertain(thrown) ? 'failed' : 'unknown' });
      throw thrown;
    }
  }

  async #begin(attempt: Attempt) {
    try {
      return await this.#store.begin(attempt);
    } catch (cause) {
      this.counts.unavailable += 1;
      // It may have been written without our hearing so; nobody needs to wait until its lease is over. Where that is
      // not heard either, the next attempt at the key goes by the same name.
      this.#unheard.add(attempt);
      this.#store.finish(attempt, { is: 'failed' }).then(
        () => this.#unheard.drop(attempt),
        () => {},
      );
      throw new Problem('IDEMPOTENCY_UNAVAILABLE', { cause });
    }
  }

  /** Never throws: what became of the job is told whether or not it could be kept. */
  async #finish(attempt: Attempt, ending: Ending): Promise<void> {
    try {
      await this.#store.finish(attempt, ending);
    } catch (error) {
      const now = performance.now();
      if (now - this.#warnedAt < WARN_EVERY_MS) return;
      this.#warnedAt = now;
      const text =
        'what became of a request with an Idempotency-Key could not be kept: a repeat pushes its job again, under the same jid';
      this.#logger.warn({ reason: messageOf(error) }, text);
    }
  }
}

/** Whether the job is certainly not stored, so that the key may be used again. */
export function isCertain(thrown: unknown): boolean {
  const { code } = problemOf(thrown);
  return code !== 'DELIVERY_UNKNOWN' && code !== 'INTERNAL';
}
