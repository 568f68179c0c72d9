import type { JobPayload } from '../protocol/job.ts';
import { firstJid } from './hand-back.ts';
import type { HeldJob } from './held-job.ts';
import type { PartitionOfJob } from './partitions/keeper.ts';

/** Where the executor keeps the handler's result while middleware ends. */
export const RESULT: unique symbol = Symbol('result');

/** What middleware and handlers get: the job, its signal, and whatever middleware puts on it. */
export class JobContext {
  [key: string]: unknown;
  readonly job: JobPayload;
  declare [RESULT]?: unknown;
  readonly #held: HeldJob;

  constructor(held: HeldJob) {
    this.job = held.job;
    this.#held = held;
  }

  /** Aborts when the lease ends or the worker shuts down; the reason is a MillraceError. */
  get signal(): AbortSignal {
    return this.#held.signal;
  }

  /** The partition that the job came from, of which no other handler runs meanwhile; undefined: it came from none. */
  get partition(): PartitionOfJob | undefined {
    return this.#held.keeper?.partition;
  }

  /** The jid the job was first pushed under: the same over hand-backs, for the handler's own idempotency. */
  get id(): string {
    return firstJid(this.job.jid);
  }
}
