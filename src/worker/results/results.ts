/**
 * Results on their way to their reducers. A job whose handler returned one is *delivering*: it holds no slot, its result
 * waits for others and travels with them as one job, and only when that is stored is the job itself ACKed. So a crash
 * between is a duplicate, never a loss; and as its rerun bears the same `source`, it can be told.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { backoffMs } from '../../connection/backoff.ts';
import { isMillraceError, type MillraceError, messageOf } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { EncodedJob } from '../../protocol/job.ts';
import type { Pusher } from '../../pushing/pusher.ts';
import { firstJid } from '../hand-back.ts';
import type { HeldJob } from '../held-job.ts';
import { ackEnd } from '../lease.ts';
import { Gathering, type GatherRules } from './gathering.ts';
import { encodeReducerJob, entryText, resultText } from './payload.ts';
import type { Target } from './target.ts';

export interface ResultsOptions {
  rules: GatherRules;
  pusher: Pusher;
  logger: Logger;
  /** Aborts when the worker stops: nothing waits for others any more, nor is tried again. */
  stopping: AbortSignal;
  /** Its result is stored: it is owed an ACK. */
  onStored: (held: HeldJob) => void;
  /** Its result is certainly not stored, and this worker tries no longer. */
  onUnsent: (held: HeldJob) => void;
  /** Faktory refuses the reducer's job for what it is: a rerun would fare no better. */
  onRefused: (held: HeldJob, error: MillraceError) => void;
  /** Jobs whose results were on their way are settled. */
  onRoom: () => void;
}

/** What a result must be, beyond JSON: throws RESULT_INVALID. */
export type CheckResult = (jobtype: string, result: unknown) => void;

/** A result that is ready to be gathered. */
export interface Parcel {
  readonly route: Route;
  readonly text: string;
}

interface Item {
  readonly held: HeldJob;
  readonly entry: string;
}

/** One reducer's queue, and what waits to go there: of all jobtypes that have their results reduced so. */
interface Route {
  readonly target: Target;
  readonly gathering: Gathering<Item>;
  waking: NodeJS.Timeout | undefined;
  /** When that wakes (ms, monotonic). */
  wakesAt: number;
  leaving: NodeJS.Immediate | undefined;
}

const SENT_AGAIN = 'results have not reached their reducer yet: they are sent again';
const GIVEN_UP = 'results are not known to have reached their reducer: their jobs come again';

export class Results {
  readonly #options: ResultsOptions;
  readonly #byJobtype = new Map<string, { route: Route; check: CheckResult | undefined }>();
  readonly #routes = new Map<string, Route>();
  readonly #delivering = new Set<Promise<void>>();
  #waiting = 0;
  /** Jobs whose results are being pushed. */
  #sent = 0;
  /** Results that are stored, and the jobs that they travelled in. */
  stored = 0;
  jobs = 0;

  constructor(options: ResultsOptions) {
    this.#options = options;
    options.stopping.addEventListener('abort', () => this.#leaveAll(), { once: true });
  }

  /** Results that wait for others. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Results that are being pushed. */
  get travelling(): number {
    return this.#sent;
  }

  /** The results of a jobtype go there; undefined: they are dropped. */
  route(jobtype: string, target: Target | undefined, check?: CheckResult): void {
    if (target === undefined) {
      this.#byJobtype.delete(jobtype);
      return;
    }
    const key = JSON.stringify([target.jobtype, target.queue, target.retry, target.reserve_for]);
    let route = this.#routes.get(key);
    if (route === undefined) {
      const gathering = new Gathering<Item>(this.#options.rules);
      route = { target, gathering, waking: undefined, wakesAt: 0, leaving: undefined };
      this.#routes.set(key, route);
    }
    this.#byJobtype.set(jobtype, { route, check });
  }

  /** What is to be sent of a job's result; undefined where nothing is. Throws RESULT_INVALID. */
  wrap(jobtype: string, result: unknown): Parcel | undefined {
    if (result === undefined || result === null || this.#byJobtype.size === 0) return undefined;
    const to = this.#byJobtype.get(jobtype);
    if (to === undefined) return undefined;
    to.check?.(jobtype, result);
    const text = resultText(jobtype, result);
    return text === undefined ? undefined : { route: to.route, text };
  }

  /** Takes a job whose handler has ended, with its result. */
  add(held: HeldJob, { route, text }: Parcel, now: number): void {
    held.moveTo('delivering');
    const { gathering } = route;
    const entry = entryText(firstJid(held.job.jid), held.job.jobtype, text);
    const bytes = Buffer.byteLength(entry);
    if (gathering.overflows(bytes)) this.#leave(route);
    gathering.add({ held, entry }, bytes, held.lease, now);
    this.#waiting += 1;
    if (gathering.full) this.#leave(route);
    else this.#leaveLater(route, now);
  }

  /** Resolves when no result waits or is on its way. */
  async idle(): Promise<void> {
    this.#leaveAll();
    while (this.#delivering.size > 0) await Promise.all(this.#delivering);
  }

  #leaveAll(): void {
    for (const route of this.#routes.values()) this.#leave(route);
  }

  #leaveLater(route: Route, now: number): void {
    const { dueAt } = route.gathering;
    if (dueAt <= now || this.#options.stopping.aborted) {
      route.leaving ??= setImmediate(() => this.#leave(route));
      return;
    }
    // A job whose reservation is nearly over may make them leave earlier than the first alone.
    if (route.waking !== undefined && route.wakesAt <= dueAt) return;
    clearTimeout(route.waking);
    route.wakesAt = dueAt;
    route.waking = setTimeout(() => this.#leave(route), dueAt - now);
  }

  #leave(route: Route): void {
    clearTimeout(route.waking);
    route.waking = undefined;
    clearImmediate(route.leaving);
    route.leaving = undefined;
    const items = route.gathering.take();
    if (items.length === 0) return;
    this.#waiting -= items.length;
    this.#sent += items.length;
    const delivering = this.#deliver(route.target, items).finally(() => {
      this.#delivering.delete(delivering);
      this.#sent -= items.length;
      this.#options.onRoom();
    });
    this.#delivering.add(delivering);
  }

  /** Never rejects. */
  async #deliver(target: Target, items: readonly Item[]): Promise<void> {
    const { onStored, onUnsent, onRefused } = this.#options;
    const job = encodeReducerJob(
      target,
      items.map(({ entry }) => entry),
    );
    const end = await this.#push(job, target, items);
    if (end === 'stored') {
      this.stored += items.length;
      this.jobs += 1;
    }
    for (const { held } of items) {
      if (end === 'stored') onStored(held);
      else if (end === 'unsent') onUnsent(held);
      // It may be stored or not: no ACK, a duplicate is better than a loss.
      else if (end === 'unknown') held.moveTo('settled');
      else onRefused(held, end);
    }
  }

  /** Again and again under its one jid, for as long as the ACK of each of its jobs could still be of use. */
  async #push(
    job: EncodedJob,
    target: Target,
    items: readonly Item[],
  ): Promise<'stored' | 'unsent' | 'unknown' | MillraceError> {
    const { pusher, logger, stopping } = this.#options;
    const notAfter = items.reduce(
      (least, { held }) => Math.min(least, ackEnd(held.lease)),
      Number.POSITIVE_INFINITY,
    );
    let isDoubtful = false;
    for (let attempt = 0; ; attempt += 1) {
      try {
        await pusher.push(job, { notAfter });
        return 'stored';
      } catch (error) {
        if (isMillraceError(error, 'JOB_REJECTED')) return error;
        isDoubtful ||= isMillraceError(error, 'DELIVERY_UNKNOWN');
        const isOver = stopping.aborted || performance.now() >= notAfter;
        const fields = { reducer: target.jobtype, results: items.length, reason: messageOf(error) };
        logger.warn(fields, isOver ? GIVEN_UP : SENT_AGAIN);
        if (isOver) return isDoubtful ? 'unknown' : 'unsent';
        await pause(backoffMs(attempt), undefined, { ref: false, signal: stopping }).catch(() => {});
      }
    }
  }
}
