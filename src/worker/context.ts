import type { JobPayload } from '../protocol/job.ts';
import { firstJid } from './hand-back.ts';
import type { HeldJob } from './held-job.ts';

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

  /** The jid the job was first pushed under: the same over hand-backs, for the handler's own idempotency. */
  get id(): string {
    return firstJid(this.job.jid);
  }
}
