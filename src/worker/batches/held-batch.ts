import type { MillraceError } from '../../errors.ts';
import type { JobPayload } from '../../protocol/job.ts';
import { HeldJob } from '../held-job.ts';
import { type Lease, leaseEnd } from '../lease.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Stands for a batch in the slots, one for all of its jobs. It waits for a slot without any: which jobs go into it is
 * known when it starts, so what comes meanwhile fills it up. Its lease is that of the job whose lease ends first,
 * and from then on that of the last.
 */
export class HeldBatch extends HeldJob {
  #items: readonly HeldJob[] = [];
  readonly #lease: Writable<Lease>;
  readonly #onLeft: (batch: HeldBatch) => void;

  /** `onLeft`: it waits for no slot any more, or has left the one that it had. */
  constructor(
    { jobtype, queue }: Pick<JobPayload, 'jobtype' | 'queue'>,
    now: number,
    onLeft: (batch: HeldBatch) => void,
  ) {
    const lease = {
      startSteady: now,
      startWall: Number.POSITIVE_INFINITY,
      reserveMs: Number.POSITIVE_INFINITY,
    };
    super({ jid: '', jobtype, queue, args: [] }, lease, now);
    this.#lease = lease;
    this.#onLeft = onLeft;
  }

  /** Its jobs, in the order in which they were fetched. */
  get items(): readonly HeldJob[] {
    return this.#items;
  }

  /** It has a slot, and these are its jobs. */
  hold(items: readonly HeldJob[]): void {
    this.#items = items;
    const [first] = items;
    if (first === undefined) return;
    this.#keepLease((a, b) => leaseEnd(b.lease) < leaseEnd(a.lease));
    Object.assign(this.job, { jid: first.job.jid, queue: first.job.queue });
  }

  /** `isBetter`: whether it is the lease of the second that counts. */
  #keepLease(isBetter: (one: HeldJob, other: HeldJob) => boolean): void {
    const { lease } = this.#items.reduce((one, other) => (isBetter(one, other) ? other : one));
    Object.assign(this.#lease, lease);
  }

  /** The jobs that nothing is reported of yet. */
  get open(): HeldJob[] {
    return this.#items.filter(({ state }) => state === 'running');
  }

  /**
   * All of its jobs hear of it, but of an expired lease only those whose lease it is: see `Batches.sweep`. Then it keeps its
   * slot for as long as the last of its jobs may be reported: they are still ours.
   */
  override abort(reason: MillraceError): void {
    super.abort(reason);
    if (reason.code !== 'LEASE_EXPIRED') for (const item of this.#items) item.abort(reason);
    else if (this.#items.length > 0) this.#keepLease((a, b) => leaseEnd(b.lease) > leaseEnd(a.lease));
  }

  override release(): void {
    for (const item of this.#items) item.release();
    this.#onLeft(this);
  }
}
