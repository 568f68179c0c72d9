import type { JobPayload } from '../../protocol/job.ts';
import type { ContextHandler } from '../executor.ts';
import { firstJid } from '../hand-back.ts';
import { type BatchAnswer, endsOf } from './outcomes.ts';

/** One job of a batch. */
export interface BatchJob<A extends readonly unknown[] = unknown[]> {
  readonly job: JobPayload;
  /** As the contract's schema gives them back. */
  readonly args: A;
  /** The jid that the job was first pushed under: the same over hand-backs, for the handler's own idempotency. */
  readonly id: string;
}

/** What a batch handler gets beside its jobs. */
export interface BatchContext<A extends readonly unknown[] = unknown[]> {
  readonly jobtype: string;
  readonly jobs: readonly BatchJob<A>[];
  /** Aborts when the lease of one of the jobs ends, at handlerTimeoutMs, or when the worker shuts down. */
  readonly signal: AbortSignal;
}

/**
 * Gets many jobs in one call, in the order in which they were fetched. Returns nothing when all are done, or an outcome
 * for each; what it throws fails all of them.
 */
export type BatchHandler<A extends readonly unknown[] = unknown[]> = (
  jobs: readonly BatchJob<A>[],
  ctx: BatchContext<A>,
) => BatchAnswer | Promise<BatchAnswer>;

// biome-ignore lint/suspicious/noExplicitAny: args are the user's own; a contract types them.
export type AnyBatchHandler = BatchHandler<any>;

export function batchJob(job: JobPayload, args: readonly unknown[]): BatchJob<never> {
  return { job, args: args as never, id: firstJid(job.jid) };
}

/** The handler for one job alone, as `worker.perform` runs it. */
export function alone(handler: AnyBatchHandler): ContextHandler {
  return async (ctx, ...args) => {
    const jobs = [batchJob(ctx.job, args)];
    const batch: BatchContext = {
      jobtype: ctx.job.jobtype,
      jobs,
      get signal() {
        return ctx.signal;
      },
    };
    const [end] = endsOf(await handler(jobs, batch), 1);
    if (end !== undefined) throw end.error;
  };
}
