/** The public face: the worker's and the producer's side. */
export { Job, Mutation } from 'faktory-worker';
export {
  Client,
  type ClientOptions,
  type ClientPushOptions,
  type ClientStats,
  type JobToPush,
  type Pushable,
  type PushOutcome,
  type Rejected,
} from './client/client.ts';
export { ChunkError, type ChunkOptions } from './client/push-chunked.ts';
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
  type ResultsIn,
} from './contract/contract.ts';
export { type ErrorCode, isMillraceError, MillraceError } from './errors.ts';
export { create, default, type Faktory } from './faktory.ts';
export type { Logger } from './logger.ts';
export type { Coordinators, PartitionsOptions } from './partitions/open.ts';
export type { JobFailure, JobInput, JobPayload } from './protocol/job.ts';
export type { PushOptions } from './pushing/pusher.ts';
export { Unrecoverable } from './unrecoverable.ts';
export type { BatchContext, BatchHandler, BatchJob } from './worker/batches/batch-handler.ts';
export type { BatchOptions } from './worker/batches/batch-options.ts';
export type { ChunkHandler, ChunkHandlerOptions } from './worker/batches/chunked.ts';
export type { BatchAnswer, BatchOutcome } from './worker/batches/outcomes.ts';
export type { BreakerOptions, BreakerState } from './worker/breaker.ts';
export type { JobContext } from './worker/context.ts';
export type { ContextHandler, Handler } from './worker/executor.ts';
export type { HandlerOptions } from './worker/handler-options.ts';
export type { WorkerEvents, WorkerSnapshot, WorkerState, WorkerStats } from './worker/life.ts';
export type { LimitReport } from './worker/limits/limits.ts';
export type { Rate } from './worker/limits/rate-tokens.ts';
export type { Middleware } from './worker/middleware.ts';
export type { WorkerOptions } from './worker/options.ts';
export type { PartitionOfJob } from './worker/partitions/keeper.ts';
export type { WorkerPartitionsOptions } from './worker/partitions/options.ts';
export type { PartitionStats } from './worker/partitions/partitions.ts';
export type { Queues } from './worker/queues.ts';
export type { ReducerResult } from './worker/results/payload.ts';
export { RecentSources, type RecentSourcesOptions } from './worker/results/recent-sources.ts';
export type { Reducer, ReducerTimer, ReducerTimerRun } from './worker/results/reducer.ts';
export type { ReduceTo } from './worker/results/target.ts';
export type { RetryPolicy } from './worker/retry.ts';
export { Worker } from './worker/worker.ts';
