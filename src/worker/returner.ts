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

  /** Resolves when the copy is stored and the ACK is on its way, or when it could not be. Never rejects. */
  async handBack(held: HeldJob): Promise<void> {
    const { pusher, outbox, logger, fail } = this.#options;
    if (!leaseLives(held.lease, nowOnBothClocks())) return held.moveTo('settled');
    if (!canHandBack(held.job)) return fail(held, 'the worker shut down before the job was done');
    held.moveTo('returning');
    try {
      const jid = await pusher.push(copyOf(held.job));
      if (leaseLives(held.lease, nowOnBothClocks())) outbox.ack(held);
      else held.moveTo('settled');
      logger.debug({ jid: held.job.jid, copy: jid, jobtype: held.job.jobtype }, 'job handed back');
    } catch (error) {
      held.moveTo('settled');
      const fields = { jid: held.job.jid, jobtype: held.job.jobtype, err: error };
      logger.warn(
        fields,
        'job could not be handed back: Faktory gives it out again when its reservation ends',
      );
    }
  }
}
