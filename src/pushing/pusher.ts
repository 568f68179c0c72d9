/**
 * Moves encoded jobs to Faktory: gathers concurrent pushes into PUSHBs, keeps several on their way, tells each
 * caller what became of its own job, and sends again what a lost connection left unknown.
 *
 * A job is *waiting* (in the row, maybe again), then *sent* (in a PUSHB that is unanswered), then settled. It
 * counts as pressure from admission until it is settled.
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
  /** Lanes are added up to this many as they fill (default 2). */
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
const MAX_PUSHB_CHARS = 1024 * 1024;
const LOOK_AGAIN_MS = 250;

interface Entry {
  readonly job: EncodedJob;
  readonly atMostOnce: boolean;
  readonly admittedAt: number;
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
  readonly #waiting = new Deque<Entry>();
  #gatheringSince = 0;
  #pumping: NodeJS.Immediate | undefined;
  #delay: NodeJS.Timeout | undefined;
  #overdue: NodeJS.Timeout | undefined;
  #roomWaiters: (() => void)[] = [];
  #idleWaiters: (() => void)[] = [];

  constructor(lanes: Lanes, options: Partial<PusherOptions> = {}) {
    this.#lanes = lanes;
    this.#options = { ...PUSHER_DEFAULTS, ...options };
    this.#pressure = new Pressure(this.#options.maxInFlight, this.#options.maxInFlightBytes);
  }

  /** Whether more jobs may be pushed now. */
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

  /** Resolves when there is room: at once, or when the limit was reached and half of it has drained. */
  async room(): Promise<void> {
    while (!this.#pressure.open) await new Promise<void>((resolve) => this.#roomWaiters.push(resolve));
  }

  /** Resolves when everything admitted so far, and meanwhile, is settled. */
  async idle(): Promise<void> {
    while (this.#pressure.jobs > 0) await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  /**
   * Pushes a job; resolves to its jid when Faktory has it. It does not ask for room: ask first.
   * Rejects with JOB_REJECTED, DELIVERY_UNKNOWN, or FAKTORY_UNREACHABLE (then it was certainly not stored).
   */
  push(job: EncodedJob, { atMostOnce = false }: PushOptions = {}): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#pressure.add(job.json.length);
      const admittedAt = performance.now();
      const entry = {
        job,
        atMostOnce,
        admittedAt,
        maybeStored: false,
        alone: false,
        attempts: 0,
        resolve,
        reject,
      };
      this.#enqueue(entry);
    });
  }

  #enqueue(entry: Entry): void {
    if (this.#waiting.size === 0) this.#gatheringSince = performance.now();
    this.#waiting.push(entry);
    this.#pumping ??= setImmediate(() => this.pump());
  }

  /** Sends what may leave now; called at the end of a tick with pushes, when a lane is ready, and on replies. */
  pump(): void {
    if (this.#pumping !== undefined) clearImmediate(this.#pumping);
    this.#pumping = undefined;
    if (this.#waiting.size > 0 && this.#lanes.wanted === 0) this.#lanes.want(1);
    while (this.#waiting.size > 0) {
      const lane = this.#lanes.idlest();
      if (lane === undefined) return this.#watchOverdue();
      if (lane.unanswered >= LANE_DEPTH && !this.#mustLeave()) {
        this.#openAnother();
        return this.#wakeAtDelay();
      }
      this.#send(lane, this.#take());
    }
  }

  #mustLeave(): boolean {
    const { gather, maxSize, maxDelayMs } = this.#options;
    if (!gather || this.#waiting.size >= maxSize) return true;
    return performance.now() - this.#gatheringSince >= maxDelayMs;
  }

  #openAnother(): void {
    const { maxLanes } = this.#options;
    if (this.#lanes.wanted < maxLanes) this.#lanes.want(this.#lanes.wanted + 1);
  }

  #wakeAtDelay(): void {
    if (this.#delay !== undefined) return;
    const waited = performance.now() - this.#gatheringSince;
    this.#delay = setTimeout(
      () => {
        this.#delay = undefined;
        this.pump();
      },
      Math.max(0, this.#options.maxDelayMs - waited),
    );
  }

  /** The next PUSHB: at most maxSize jobs and 1 MiB, no jid twice (the reply tells jobs apart by jid). */
  #take(): Entry[] {
    const most = this.#options.gather ? this.#options.maxSize : 1;
    const batch: Entry[] = [];
    const jids = new Set<string>();
    let chars = 0;
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      const first = batch.length === 0;
      if (!first && (batch.length >= most || next.alone || jids.has(next.job.jid))) break;
      if (!first && chars + next.job.json.length > MAX_PUSHB_CHARS) break;
      this.#waiting.shift();
      batch.push(next);
      jids.add(next.job.jid);
      chars += next.job.json.length + 1;
      if (next.alone) break;
    }
    this.#gatheringSince = performance.now();
    return batch;
  }

  #send(lane: Connection, batch: Entry[]): void {
    const receiver: Receiver = {
      onReply: (kind, text) => this.#onReply(batch, kind, text),
      onLost: (error, written) => this.#onLost(batch, error, written),
    };
    lane.send(pushbCommand(batch.map((entry) => entry.job.json)), receiver);
    lane.flush();
  }

  #onReply(batch: Entry[], kind: ReplyKind, text: string): void {
    const verdict = readPushb(kind, text);
    if (verdict.kind === 'each') {
      const { exceptions } = verdict;
      for (const entry of batch) this.#settle(entry, exceptions.get(entry.job.jid));
    } else if (verdict.kind === 'one of them' && batch.length > 1) {
      for (const entry of batch) entry.alone = true;
      for (const entry of batch) this.#enqueue(entry);
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
    // From the last to the first, each in front: they keep their order, ahead of what came later.
    for (const entry of batch.reverse()) {
      entry.maybeStored ||= written;
      if (written && entry.atMostOnce) this.#giveUp(entry, error);
      else this.#waiting.unshift(entry);
    }
    this.#pumping ??= setImmediate(() => this.pump());
  }

  /** Faktory answered, but not whether it has the job: ask again after a while, with the same jid. */
  #sendAgain(entry: Entry, error: MillraceError): void {
    entry.maybeStored = true;
    if (entry.atMostOnce || this.#isOverdue(entry)) return this.#giveUp(entry, error);
    setTimeout(() => this.#enqueue(entry), backoffMs(entry.attempts));
    entry.attempts += 1;
  }

  #isOverdue(entry: Entry): boolean {
    return performance.now() - entry.admittedAt > this.#options.deliveryTimeoutMs;
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

  /** Ends the tries of everything that waits, for instance because the caller closes. */
  abandon(error: MillraceError): void {
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
    const opened = this.#pressure.remove(entry.job.json.length);
    if (opened) this.#roomWaiters = wake(this.#roomWaiters);
    if (this.#pressure.jobs === 0) this.#idleWaiters = wake(this.#idleWaiters);
  }
}

function wake(waiters: (() => void)[]): (() => void)[] {
  for (const resolve of waiters) resolve();
  return [];
}
