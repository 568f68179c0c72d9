/** The public face: the worker's and the producer's side. */
export { Job, Mutation } from 'faktory-worker';
export {
  Client,
  type ClientOptions,
  type ClientStats,
  type Pushable,
  type PushOutcome,
  type Rejected,
} from './client/client.ts';
export { ConnectionBudget } from './connection/budget.ts';
export type { ConnectOptions } from './connection/options.ts';
export type { QueueReport } from './connection/queue-report.ts';
export {
  type ArgsIn,
  type ArgsOut,
  type Contract,
  defineJobs,
  type JobDefinition,
  PayloadError,
  type PayloadFault,
} from './contract/contract.ts';
export { type ErrorCode, isMillraceError, MillraceError } from './errors.ts';
export { create, default, type Faktory } from './faktory.ts';
export type { Logger } from './logger.ts';
export type { JobFailure, JobInput, JobPayload } from './protocol/job.ts';
export type { PushOptions } from './pushing/pusher.ts';
export { Unrecoverable } from './unrecoverable.ts';
export type { BreakerOptions, BreakerState } from './worker/breaker.ts';
export type { JobContext } from './worker/context.ts';
export type { ContextHandler, Handler } from './worker/executor.ts';
export type { HandlerOptions } from './worker/handler-options.ts';
export type { WorkerEvents, WorkerSnapshot, WorkerState, WorkerStats } from './worker/life.ts';
export type { Middleware } from './worker/middleware.ts';
export type { WorkerOptions } from './worker/options.ts';
export type { Queues } from './worker/queues.ts';
export type { RetryPolicy } from './worker/retry.ts';
export { Worker } from './worker/worker.ts';
