import { isMillraceError, type MillraceError, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { EncodedJob } from '../protocol/job.ts';
import type { Pusher } from '../pushing/pusher.ts';
import type { HeldJob } from './held-job.ts';
import { leaseEnd, leaseLives, nowOnBothClocks } from './lease.ts';
import type { Outbox } from './outbox.ts';

export interface ReturnerOptions {
  pusher: Pusher;
  outbox: Outbox;
  logger: Logger;
}

/**
 * What became of a return. `returned`: the copy is stored, the ACK of the held one on its way. `refused`: certainly not
 * stored, the job is still ours. `unknown`: it may be stored; no ACK is sent, a second run is better than none.
 */
export type Returned = 'returned' | 'refused' | 'unknown';

/** Gives held jobs back as copies: the copy first, its reply, then the ACK of the held one; whatever goes wrong, no ACK. */
export class Returner {
  readonly #options: ReturnerOptions;
  readonly #pending = new Set<Promise<Returned>>();

  constructor(options: ReturnerOptions) {
    this.#options = options;
  }

  /** Returns under way: whether their copies are stored is not known. */
  get pending(): number {
    return this.#pending.size;
  }

  /** Resolves when no return is under way. */
  async idle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  /** Never rejects, also when there can be no copy. After `refused` the job is as before, *returning*; otherwise it is reported or settled. */
  return(held: HeldJob, makeCopies: () => EncodedJob | readonly EncodedJob[]): Promise<Returned> {
    held.moveTo('returning');
    const pending = this.#return(held, makeCopies);
    this.#pending.add(pending);
    return pending.finally(() => this.#pending.delete(pending));
  }

  async #return(held: HeldJob, makeCopies: () => EncodedJob | readonly EncodedJob[]): Promise<Returned> {
    const { pusher, outbox, logger } = this.#options;
    const { jid, jobtype } = held.job;
    try {
      // JSON.parse reads what is nested too deep for JSON.stringify.
      const copies = [makeCopies()].flat();
      await Promise.all(copies.map((copy) => pusher.push(copy, { notAfter: leaseEnd(held.lease) })));
      if (leaseLives(held.lease, nowOnBothClocks())) outbox.ack(held);
      else held.moveTo('settled');
      logger.debug({ jid, copy: copies.map((copy) => copy.jid).join(), jobtype }, 'job given back as a copy');
      return 'returned';
    } catch (error) {
      // Many fail together: the worker tells how many, once.
      logger.debug({ jid, jobtype, reason: messageOf(error) }, 'job could not be given back');
      if (isMillraceError(error as MillraceError, 'DELIVERY_UNKNOWN')) {
        held.moveTo('settled');
        return 'unknown';
      }
      return 'refused';
    }
  }
}
