/**
 * Moves encoded jobs to Faktory: gathers concurrent pushes into PUSHBs, keeps several on their way, tells each
 * caller what became of its own job, and sends again what a lost connection left unknown.
 *
 * A job is *asking* (at the limit, for room), then perhaps *being completed* (a keyed one, with its number), then *waiting* (in the row, maybe again), then *sent* (in a PUSHB
 * that is unanswered), maybe *resting* (Faktory's answer said nothing of it), and in the end *settled*. It counts
 * as pressure from its admission, the end of asking, until it is settled.
 */
import type { Connection, Receiver } from '../connection/connection.ts';
import type { Lanes } from '../connection/lanes.ts';
import { MillraceError } from '../errors.ts';
import { pushbCommand } from '../protocol/commands.ts';
import type { ReplyKind } from '../protocol/resp.ts';
import { Admission } from './admission.ts';
import type { Entry } from './entry.ts';
import { deadly, isHopeless, travelAfter, travelsAlone } from './losses.ts';
import {
  type Completion,
  PUSHER_DEFAULTS,
  type PushCaller,
  type PushedJob,
  type PusherOptions,
  type PushOptions,
} from './options.ts';
import { paceMs, RecentLeast } from './pacing.ts';
import { type PusherStats, PushTally } from './push-tally.ts';
import { readPushb, type Verdict } from './pushb.ts';
import { Resting } from './resting.ts';
import { Row } from './row.ts';
import { Settling } from './settling.ts';

export type { PushCaller, PusherOptions, PusherStats, PushOptions };

/** PUSHBs unanswered on a lane before pushes gather: with two in all, 50 ms would allow 1,200 jobs/s. */
const LANE_DEPTH = 8;
const LOOK_AGAIN_MS = 250;

export class Pusher {
  readonly #options: PusherOptions;
  readonly #lanes: Lanes;
  readonly #tally: PushTally;
  readonly #admission: Admission;
  readonly #settling: Settling;
  readonly #waiting = new Row<Entry>();
  readonly #resting: Resting;
  /** Lanes on which a job travels that connections may die of: nothing is sent behind it. */
  readonly #isolated = new Set<Connection>();
  /** Lanes that were lost, and of which the oldest PUSHB is known. */
  readonly #gone = new WeakSet<Connection>();
  /** How quickly Faktory answers a PUSHB at best. */
  readonly #replyMs = new RecentLeast();
  #sentAt = 0;
  #pumping: NodeJS.Immediate | undefined;
  #delay: NodeJS.Timeout | undefined;
  #wakeAt = 0;
  #overdue: NodeJS.Timeout | undefined;
  #abandoned: MillraceError | undefined;

  constructor(lanes: Lanes, options: Partial<PusherOptions> = {}) {
    this.#lanes = lanes;
    this.#options = { ...PUSHER_DEFAULTS, ...options };
    const { maxInFlight, maxInFlightBytes } = this.#options;
    this.#tally = new PushTally(this.#options);
    this.#admission = new Admission(maxInFlight, maxInFlightBytes, (entry) => this.#onAdmitted(entry));
    this.#settling = new Settling(this.#tally, (entry) => this.#admission.leave(entry));
    this.#resting = new Resting((entry) => this.#enqueueAgain(entry));
  }

  /** Whether a job would be admitted at once. */
  get hasRoom(): boolean {
    return this.#admission.open;
  }

  /** Jobs admitted and not settled. */
  get inFlight(): number {
    return this.#admission.jobs;
  }

  get inFlightBytes(): number {
    return this.#admission.bytes;
  }

  /** Cheap: to be read when metrics are. */
  stats(): PusherStats {
    return {
      ...this.#tally.totals(),
      inFlight: this.#admission.jobs,
      inFlightBytes: this.#admission.bytes,
      maxInFlight: this.#options.maxInFlight,
      maxInFlightBytes: this.#options.maxInFlightBytes,
      asking: this.#admission.asking,
      waiting: this.#waiting.size,
    };
  }

  /** Resolves when nothing is left to settle, of what was asked by now or comes meanwhile. */
  idle(): Promise<void> {
    return this.#settling.idle();
  }

  /** Resolves when all that was asked by now is settled, whatever comes meanwhile. */
  settled(): Promise<void> {
    return this.#settling.settled();
  }

  /**
   * Pushes a job as soon as there is room, in the order of asking; `onAdmitted` tells when. Resolves to its jid
   * when Faktory has it. Rejects with JOB_REJECTED, DELIVERY_UNKNOWN, or FAKTORY_UNREACHABLE (then it was
   * certainly not stored).
   */
  admit(job: PushedJob, options?: PushOptions, onAdmitted?: () => void): Promise<string> {
    return new Promise((onStored, onFailed) => {
      this.admitFor({ onAdmitted, onStored, onFailed }, job, options);
    });
  }

  /** `admit` without a promise. */
  admitFor(caller: PushCaller, job: PushedJob, options?: PushOptions): void {
    this.#admission.ask(this.#settling.begin(job, options, caller));
  }

  /** As `admit`, but does not ask for room: for the few jobs of our own that must go out at the limit, too. */
  push(job: PushedJob, options?: PushOptions): Promise<string> {
    return new Promise((onStored, onFailed) => {
      this.#admission.letIn(this.#settling.begin(job, options, { onStored, onFailed }));
    });
  }

  #onAdmitted(entry: Entry): void {
    const { completion } = entry.job;
    if (completion === undefined) this.#enqueue(entry);
    else this.#complete(entry, completion);
  }

  #complete(entry: Entry, completion: Completion): void {
    const { jid, queue, bytes } = entry.job;
    completion.complete(
      (json) => {
        entry.job = { jid, queue, bytes, json, completion };
        this.#enqueue(entry);
      },
      (error) => this.#settling.incomplete(entry, error),
    );
  }

  #enqueue(entry: Entry): void {
    this.#waiting.push(entry);
    this.#pumpSoon();
  }

  #enqueueAgain(entry: Entry): void {
    this.#tally.resent += 1;
    this.#enqueue(entry);
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
      const lane = this.#lanes.idlest(this.#isolated);
      if (lane === undefined) {
        this.#watchOverdue();
        break;
      }
      if (this.#mustWait(lane)) break;
      this.#send(lane, this.#waiting.take(gather ? maxSize : 1));
    }
    for (const lane of this.#lanes.ready) lane.flush();
  }

  /** How long the first of the row has waited. */
  get #waitedMs(): number {
    return performance.now() - (this.#waiting.since ?? 0);
  }

  /** Whether the next may not go on that lane yet; sees to it that it is looked at again. */
  #mustWait(lane: Connection): boolean {
    if (travelsAlone(this.#waiting.first?.losses ?? 0) && lane.unanswered > 0) {
      this.#watchOverdue();
      return true;
    }
    const isDeep = lane.unanswered >= LANE_DEPTH;
    if (isDeep) this.#openAnother();
    const restMs = isDeep ? this.#options.maxDelayMs - this.#waitedMs : this.#restMs();
    if (restMs <= 0 || this.#isFull) return false;
    this.#wakeIn(restMs);
    return true;
  }

  /** How long after the last PUSHB the next is to leave, from now. */
  #restMs(): number {
    const { maxLanes, maxDelayMs } = this.#options;
    const pace = paceMs(this.#replyMs.value, LANE_DEPTH * maxLanes, maxDelayMs);
    return pace === 0 ? 0 : this.#sentAt + pace - performance.now();
  }

  /** Whether waiting would add nothing to the next PUSHB. */
  get #isFull(): boolean {
    const { gather, maxSize } = this.#options;
    return !gather || this.#waiting.size >= maxSize;
  }

  #openAnother(): void {
    const { maxLanes } = this.#options;
    if (this.#lanes.wanted < maxLanes) this.#lanes.want(this.#lanes.wanted + 1);
  }

  /** Looks again after so long, or sooner. */
  #wakeIn(ms: number): void {
    const at = performance.now() + ms;
    if (this.#delay !== undefined && this.#wakeAt <= at) return;
    clearTimeout(this.#delay);
    this.#wakeAt = at;
    this.#delay = setTimeout(() => {
      this.#delay = undefined;
      this.pump();
    }, ms);
  }

  #send(lane: Connection, taken: Entry[]): void {
    const batch = this.#inTime(taken);
    if (batch.length === 0) return;
    const receiver: Receiver = {
      onReply: (kind, text, writtenAt) => this.#onReply(lane, batch, kind, text, writtenAt),
      onLost: (error, written) => this.#onLost(lane, batch, error, written),
    };
    if (travelsAlone(batch[0]!.losses)) this.#isolated.add(lane);
    this.#sentAt = performance.now();
    lane.send(pushbCommand(batch.map((entry) => entry.job.json)), receiver);
  }

  #onReply(lane: Connection, batch: Entry[], kind: ReplyKind, text: string, writtenAt: number): void {
    const now = performance.now();
    const tookMs = now - writtenAt;
    this.#replyMs.note(tookMs, now);
    this.#isolated.delete(lane);
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
    // Last, since it calls what may throw.
    this.#tally.answered(batch.length, tookMs);
  }

  #settle(entry: Entry, verdict: Verdict | undefined): void {
    if (verdict === undefined || verdict.outcome === 'stored') return this.#settling.stored(entry);
    const { outcome, reason } = verdict;
    if (outcome === 'refused') return this.#settling.refused(entry, reason);
    // It is asked again after a while, with the same jid.
    if (outcome === 'unknown') entry.maybeStored = true;
    if (!entry.atMostOnce && !this.#isOverdue(entry)) return this.#resting.add(entry);
    const text = `Faktory answered a PUSHB with: ${reason}`;
    this.#settling.giveUp(entry, new MillraceError('COMMAND_REFUSED', text));
  }

  #onLost(lane: Connection, batch: Entry[], error: MillraceError, written: boolean): void {
    this.#isolated.delete(lane);
    if (!written) return this.#return(batch);
    // Faktory runs a connection's commands one by one: what was behind the oldest had no part in its end.
    const isOldest = !this.#gone.has(lane);
    this.#gone.add(lane);
    const inPlace = batch.filter((entry) => this.#isBackInPlace(entry, error, isOldest));
    this.#tally.resent += inPlace.length;
    this.#return(inPlace);
  }

  /** Counts a loss; false when it is settled by that, or waits behind the others now. */
  #isBackInPlace(entry: Entry, error: MillraceError, isOldest: boolean): boolean {
    const answered = this.#tally.pushbSeconds.count;
    entry.maybeStored = true;
    entry.firstLoss ??= { at: performance.now(), answered };
    if (isOldest) entry.losses += 1;
    const { maxLosses } = this.#options;
    if (entry.atMostOnce || this.#isOverdue(entry)) this.#settling.giveUp(entry, error);
    else if (isHopeless(entry.losses, maxLosses, answered > entry.firstLoss.answered))
      this.#settling.giveUp(entry, deadly(entry.losses, error));
    else {
      const travel = travelAfter(entry.losses, maxLosses);
      entry.alone ||= travel !== 'with others';
      if (travel !== 'behind') return true;
      this.#enqueueAgain(entry);
    }
    return false;
  }

  #isOverdue(entry: Entry): boolean {
    const now = performance.now();
    return (
      now >= entry.notAfter || now - (entry.firstLoss?.at ?? entry.since) > this.#options.deliveryTimeoutMs
    );
  }

  /** Those that may still be sent; the others are given up. Most have no such bound, and cost a look. */
  #inTime(taken: Entry[]): Entry[] {
    if (taken.every((entry) => entry.notAfter === Number.POSITIVE_INFINITY)) return taken;
    const now = performance.now();
    const tooLate = new MillraceError('LEASE_EXPIRED', 'it was not sent before its time was over');
    for (const entry of taken) if (now >= entry.notAfter) this.#settling.giveUp(entry, tooLate);
    return taken.filter((entry) => now < entry.notAfter);
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
      if (this.#isOverdue(entry)) this.#settling.giveUp(entry, fault);
      else this.#waiting.push(entry);
    }
  }

  /** Ends all tries: of everything that waits, and of what comes later or comes back from its lane. */
  abandon(error: MillraceError): void {
    this.#abandoned = error;
    this.#waiting.mend();
    this.#admission.letAllIn();
    for (const entry of this.#resting.drain()) this.#waiting.push(entry);
    for (let entry = this.#waiting.shift(); entry; entry = this.#waiting.shift())
      this.#settling.giveUp(entry, error);
    clearTimeout(this.#delay);
    clearTimeout(this.#overdue);
  }
}
