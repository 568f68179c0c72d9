import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Pusher } from '../pushing/pusher.ts';
import { canHandBack, copyOf } from './hand-back.ts';
import type { HeldJob } from './held-job.ts';
import { leaseLives, nowOnBothClocks } from './lease.ts';
import type { Outbox } from './outbox.ts';

export interface ReturnerOptions {
  pusher: Pusher;
  outbox: Outbox;
  logger: Logger;
  /** For jobs that cannot be handed back. */
  fail: (held: HeldJob, reason: string) => void;
}

/** Hands jobs back: the copy first, its reply, then the ACK of the held one; whatever goes wrong, no ACK. */
export class Returner {
  readonly #options: ReturnerOptions;

  constructor(options: ReturnerOptions) {
    this.#options = options;
  }

  /** Resolves to whether the copy is stored, with the ACK of the held one on its way. Never rejects. */
  async handBack(held: HeldJob): Promise<boolean> {
    const { pusher, outbox, logger, fail } = this.#options;
    if (!leaseLives(held.lease, nowOnBothClocks())) {
      held.moveTo('settled');
      return false;
    }
    if (!canHandBack(held.job)) {
      fail(held, 'the worker shut down before the job was done');
      return false;
    }
    held.moveTo('returning');
    try {
      const jid = await pusher.push(copyOf(held.job));
      if (leaseLives(held.lease, nowOnBothClocks())) outbox.ack(held);
      else held.moveTo('settled');
      logger.debug({ jid: held.job.jid, copy: jid, jobtype: held.job.jobtype }, 'job handed back');
      return true;
    } catch (error) {
      held.moveTo('settled');
      // Many fail together: the worker tells how many, once.
      logger.debug({ jid: held.job.jid, reason: messageOf(error) }, 'job could not be handed back');
      return false;
    }
  }
}
