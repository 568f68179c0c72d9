/** What a generator of load is told, and what it tells. */
import type { BodyPlan } from './body.ts';
import type { TallyResult } from './tally.ts';

/** Where the requests go. By IPC only: it has the token. */
export interface Target {
  readonly url: string;
  readonly token?: string;
}

/** So many at once: each connection asks again as soon as it is answered. */
export interface Barrage {
  readonly target: Target;
  readonly plan: BodyPlan;
  readonly connections: number;
  /** Requests on their way on each connection (default 1). */
  readonly pipelining?: number;
  /** It ends after so many requests, all of them answered … */
  readonly requests?: number;
  /** … or after so many seconds, when all connections are cut. */
  readonly seconds?: number;
  /** By `clock()`. */
  readonly from: number;
  readonly sliceMs: number;
}

/** So many in one request. */
export interface Bulk {
  readonly target: Target;
  readonly plan: BodyPlan;
  readonly requests: number;
  readonly from: number;
  readonly sliceMs: number;
}

/** So many a second, whether they are answered or not. */
export interface Stream {
  readonly target: Target;
  readonly plan: BodyPlan;
  readonly perSecond: number;
  readonly seconds: number;
  /** Comes again after Retry-After, for as long as the stream lasts, and then a few times more. */
  readonly obeysRetryAfter?: boolean;
  readonly from: number;
  readonly sliceMs: number;
}

export interface Fired extends TallyResult {
  readonly sent: number;
  /** No answer: the connection was refused or lost, or it took too long. */
  readonly errors: number;
  /** The first of them, in words. */
  readonly firstError: string | null;
  /** 503 that said when to come again. */
  readonly retryAfters: number;
  /** Of a stream that obeys Retry-After: what was accepted at the second or a later try. */
  readonly acceptedLater: number;
  /** By `clock()`: when nothing was sent any more. */
  readonly endedAt: number;
}
