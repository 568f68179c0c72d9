/**
 * Moves encoded jobs to Faktory: gathers concurrent pushes into PUSHBs, keeps several on their way, tells each
 * caller what became of its own job, and sends again what a lost connection left unknown.
 *
 * A job is *asking* (at the limit, for room), then *waiting* (in the row, maybe again), then *sent* (in a PUSHB
 * that is unanswered), maybe *resting* (Faktory's answer said nothing of it), and in the end *settled*. It counts
 * as pressure from its admission, the end of asking, until it is settled.
 */
import { backoffMs } from '../connection/backoff.ts';
import type { Connection, Receiver } from '../connection/connection.ts';
import type { Lanes } from '../connection/lanes.ts';
import { Deque } from '../deque.ts';
import { MillraceError } from '../errors.ts';
import { pushbCommand } from '../protocol/commands.ts';
import type { EncodedJob } from '../protocol/job.ts';
import type { ReplyKind } from '../protocol/resp.ts';
import { Pressure } from './pressure.ts';
import { readPushb, type Verdict } from './pushb.ts';
import { Row } from './row.ts';

export interface PusherOptions {
  /** Jobs in one PUSHB at most (BATCH_MAX_SIZE, default 100). */
  maxSize: number;
  /** How long a job waits for others while every lane is busy, counted from the first (BATCH_MAX_DELAY_MS, 50). */
  maxDelayMs: number;
  /** false: each job travels alone (BATCH_AUTO_ENABLED). */
  gather: boolean;
  /** Jobs, and bytes, admitted and not settled (PUSH_MAX_IN_FLIGHT 10,000, PUSH_MAX_IN_FLIGHT_BYTES 256 MiB). */
  maxInFlight: number;
  maxInFlightBytes: number;
  /** How long a job is tried while Faktory cannot be reached, before its caller is told (default 10,000). */
  deliveryTimeoutMs: number;
  /** Lanes are added up to this many as they fill (default 2). Only on one lane do pushes keep their order: say 1. */
  maxLanes: number;
}

export const PUSHER_DEFAULTS: PusherOptions = {
  maxSize: 100,
  maxDelayMs: 50,
  gather: true,
  maxInFlight: 10_000,
  maxInFlightBytes: 256 * 1024 * 1024,
  deliveryTimeoutMs: 10_000,
  maxLanes: 2,
};

export interface PushOptions {
  /** At most once: after an unknown outcome the job is not sent again, the caller gets DELIVERY_UNKNOWN. */
  atMostOnce?: boolean;
}

/** PUSHBs unanswered on a lane before pushes gather: with two in all, 50 ms would allow 1,200 jobs/s. */
const LANE_DEPTH = 8;
const LOOK_AGAIN_MS = 250;

interface Entry {
  readonly job: EncodedJob;
  readonly atMostOnce: boolean;
  /** Rises in the order of asking. */
  readonly number: number;
  readonly onAdmitted: (() => void) | undefined;
  /** Since when it waits for a lane: its admission, or the loss of the connection that it was sent on. */
  since: number;
  /** Whether it was once sent without an answer: then it may be stored. */
  maybeStored: boolean;
  /** Travels by itself: Faktory refused a PUSHB that it was in. */
  alone: boolean;
  attempts: number;
  resolve(jid: string): void;
  reject(error: MillraceError): void;
}

export class Pusher {
  readonly #options: PusherOptions;
  readonly #lanes: Lanes;
  readonly #pressure: Pressure;
  /** All that are not settled, the oldest first. */
  readonly #unsettled = new Set<Entry>();
  readonly #asking = new Deque<Entry>();
  readonly #waiting = new Row<Entry>();
  readonly #resting = new Map<Entry, NodeJS.Timeout>();
  #asked = 0;
  #pumping: NodeJS.Immediate | undefined;
  #delay: NodeJS.Timeout | undefined;
  #overdue: NodeJS.Timeout | undefined;
  #settleWaiters: (() => void)[] = [];
  #abandoned: MillraceError | undefined;

  constructor(lanes: Lanes, options: Partial<PusherOptions> = {}) {
    this.#lanes = lanes;
    this.#options = { ...PUSHER_DEFAULTS, ...options };
    this.#pressure = new Pressure(this.#options.maxInFlight, this.#options.maxInFlightBytes);
  }

  /** Whether a job would be admitted at once. */
  get hasRoom(): boolean {
    return this.#pressure.open;
  }

  /** Jobs admitted and not settled. */
  get inFlight(): number {
    return this.#pressure.jobs;
  }

  get inFlightBytes(): number {
    return this.#pressure.bytes;
  }

  /** Resolves when nothing is left to settle, of what was asked by now or comes meanwhile. */
  async idle(): Promise<void> {
    while (this.#unsettled.size > 0) await this.#nextSettled();
  }

  /** Resolves when all that was asked by now is settled, whatever comes meanwhile. */
  async settled(): Promise<void> {
    const last = this.#asked;
    for (;;) {
      const [oldest] = this.#unsettled;
      if (oldest === undefined || oldest.number > last) return;
      await this.#nextSettled();
    }
  }

  /**
   * Pushes a job as soon as there is room, in the order of asking; `onAdmitted` tells when. Resolves to its jid
   * when Faktory has it. Rejects with JOB_REJECTED, DELIVERY_UNKNOWN, or FAKTORY_UNREACHABLE (then it was
   * certainly not stored).
   */
  admit(job: EncodedJob, options?: PushOptions, onAdmitted?: () => void): Promise<string> {
    return new Promise((resolve, reject) => {
      const entry = this.#entry(job, options, onAdmitted, resolve, reject);
      if (this.#pressure.open) this.#letIn(entry);
      else this.#asking.push(entry);
    });
  }

  /** As `admit`, but does not ask for room: for the few jobs of our own that must go out at the limit, too. */
  push(job: EncodedJob, options?: PushOptions): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#letIn(this.#entry(job, options, undefined, resolve, reject));
    });
  }

  #entry(
    job: EncodedJob,
    { atMostOnce = false }: PushOptions = {},
    onAdmitted: Entry['onAdmitted'],
    resolve: Entry['resolve'],
    reject: Entry['reject'],
  ): Entry {
    this.#asked += 1;
    const entry: Entry = {
      job,
      atMostOnce,
      number: this.#asked,
      onAdmitted,
      since: 0,
      maybeStored: false,
      alone: false,
      attempts: 0,
      resolve,
      reject,
    };
    this.#unsettled.add(entry);
    return entry;
  }

  #letIn(entry: Entry): void {
    this.#pressure.add(entry.job.bytes);
    entry.since = performance.now();
    this.#enqueue(entry);
    entry.onAdmitted?.();
  }

  #enqueue(entry: Entry): void {
    this.#waiting.push(entry);
    this.#pumpSoon();
  }

  /** In front of all that wait, so that jobs keep their order. */
  #return(entries: readonly Entry[]): void {
    this.#waiting.giveBack(entries);
    this.#pumpSoon();
  }

  #pumpSoon(): void {
    this.#pumping ??= setImmediate(() => this.pump());
  }

  /** Sends what may leave now; called at the end of a tick with pushes, when a lane is ready, and on replies. */
  pump(): void {
    if (this.#pumping !== undefined) clearImmediate(this.#pumping);
    this.#pumping = undefined;
    if (this.#abandoned !== undefined) return this.abandon(this.#abandoned);
    this.#waiting.mend();
    const { gather, maxSize } = this.#options;
    if (this.#waiting.size > 0 && this.#lanes.wanted === 0) this.#lanes.want(1);
    while (this.#waiting.size > 0) {
      const lane = this.#lanes.idlest();
      if (lane === undefined) {
        this.#watchOverdue();
        break;
      }
      if (lane.unanswered >= LANE_DEPTH) {
        this.#openAnother();
        if (!this.#mustLeave()) {
          this.#wakeAtDelay();
          break;
        }
      }
      this.#send(lane, this.#waiting.take(gather ? maxSize : 1));
    }
    for (const lane of this.#lanes.ready) lane.flush();
  }

  /** How long the first of the row has waited. */
  get #waitedMs(): number {
    return performance.now() - (this.#waiting.since ?? 0);
  }

  #mustLeave(): boolean {
    const { gather, maxSize, maxDelayMs } = this.#options;
    return !gather || this.#waiting.size >= maxSize || this.#waitedMs >= maxDelayMs;
  }

  #openAnother(): void {
    const { maxLanes } = this.#options;
    if (this.#lanes.wanted < maxLanes) this.#lanes.want(this.#lanes.wanted + 1);
  }

  #wakeAtDelay(): void {
    this.#delay ??= setTimeout(
      () => {
        this.#delay = undefined;
        this.pump();
      },
      Math.max(0, this.#options.maxDelayMs - this.#waitedMs),
    );
  }

  #send(lane: Connection, batch: Entry[]): void {
    const receiver: Receiver = {
      onReply: (kind, text) => this.#onReply(batch, kind, text),
      onLost: (error, written) => this.#onLost(batch, error, written),
    };
    lane.send(pushbCommand(batch.map((entry) => entry.job.json)), receiver);
  }

  #onReply(batch: Entry[], kind: ReplyKind, text: string): void {
    const verdict = readPushb(kind, text);
    if (verdict.kind === 'each') {
      const { exceptions } = verdict;
      for (const entry of batch) this.#settle(entry, exceptions.get(entry.job.jid));
    } else if (verdict.kind === 'one of them' && batch.length > 1) {
      for (const entry of batch) entry.alone = true;
      this.#return(batch);
    } else {
      const outcome = verdict.kind === 'unknown' ? 'unknown' : 'refused';
      for (const entry of batch) this.#settle(entry, { outcome, reason: verdict.reason });
    }
    this.pump();
  }

  #settle(entry: Entry, verdict: Verdict | undefined): void {
    if (verdict === undefined || verdict.outcome === 'stored') {
      this.#leave(entry);
      entry.resolve(entry.job.jid);
    } else if (verdict.outcome === 'refused') {
      this.#leave(entry);
      entry.reject(
        new MillraceError('JOB_REJECTED', `Faktory refused job ${entry.job.jid}: ${verdict.reason}`),
      );
    } else {
      this.#sendAgain(
        entry,
        new MillraceError('COMMAND_REFUSED', `Faktory answered a PUSHB with: ${verdict.reason}`),
      );
    }
  }

  #onLost(batch: Entry[], error: MillraceError, written: boolean): void {
    if (!written) return this.#return(batch);
    const now = performance.now();
    for (const entry of batch) {
      entry.maybeStored = true;
      entry.since = now;
    }
    this.#return(batch.filter((entry) => !entry.atMostOnce));
    for (const entry of batch) if (entry.atMostOnce) this.#giveUp(entry, error);
  }

  /** Faktory answered, but not whether it has the job: ask again after a while, with the same jid. */
  #sendAgain(entry: Entry, error: MillraceError): void {
    entry.maybeStored = true;
    if (entry.atMostOnce || this.#isOverdue(entry)) return this.#giveUp(entry, error);
    const rest = setTimeout(() => {
      this.#resting.delete(entry);
      this.#enqueue(entry);
    }, backoffMs(entry.attempts));
    this.#resting.set(entry, rest);
    entry.attempts += 1;
  }

  #isOverdue(entry: Entry): boolean {
    return performance.now() - entry.since > this.#options.deliveryTimeoutMs;
  }

  /** While no lane is up: tells the callers that have waited too long. */
  #watchOverdue(): void {
    this.#overdue ??= setTimeout(() => {
      this.#overdue = undefined;
      if (this.#lanes.ready.length === 0) this.#giveUpOverdue();
      this.pump();
    }, LOOK_AGAIN_MS);
  }

  #giveUpOverdue(): void {
    const fault = this.#lanes.fault ?? new MillraceError('FAKTORY_UNREACHABLE');
    for (let count = this.#waiting.size; count > 0; count -= 1) {
      const entry = this.#waiting.shift()!;
      if (this.#isOverdue(entry)) this.#giveUp(entry, fault);
      else this.#waiting.push(entry);
    }
  }

  /** Ends all tries: of everything that waits, and of what comes later or comes back from its lane. */
  abandon(error: MillraceError): void {
    this.#abandoned = error;
    this.#waiting.mend();
    for (let entry = this.#asking.shift(); entry; entry = this.#asking.shift()) this.#letIn(entry);
    for (const [entry, rest] of this.#resting) {
      clearTimeout(rest);
      this.#waiting.push(entry);
    }
    this.#resting.clear();
    for (let entry = this.#waiting.shift(); entry; entry = this.#waiting.shift()) this.#giveUp(entry, error);
    clearTimeout(this.#delay);
    clearTimeout(this.#overdue);
  }

  #giveUp(entry: Entry, cause: MillraceError): void {
    this.#leave(entry);
    const { jid } = entry.job;
    if (entry.maybeStored) {
      const text = `job ${jid} may be stored or not: ${cause.message}`;
      entry.reject(new MillraceError('DELIVERY_UNKNOWN', text, { cause }));
    } else {
      const text = `job ${jid} was not stored: ${cause.message}`;
      entry.reject(new MillraceError('FAKTORY_UNREACHABLE', text, { cause }));
    }
  }

  #leave(entry: Entry): void {
    this.#unsettled.delete(entry);
    this.#pressure.remove(entry.job.bytes);
    for (let next = this.#asking.peek(); next && this.#pressure.open; next = this.#asking.peek()) {
      this.#asking.shift();
      this.#letIn(next);
    }
    if (this.#settleWaiters.length === 0) return;
    const waiters = this.#settleWaiters;
    this.#settleWaiters = [];
    for (const resolve of waiters) resolve();
  }

  #nextSettled(): Promise<void> {
    return new Promise((resolve) => this.#settleWaiters.push(resolve));
  }
}
