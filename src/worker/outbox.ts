/**
 * What is owed to Faktory for jobs that ended: each ACK and FAIL stays here until it is answered, and is sent again
 * when its socket dies (an ACK of an unknown jid answers OK, so a second one does no harm). A FAIL is never sent
 * after its lease: the job may be another worker's by then.
 */
import { backoffMs } from '../connection/backoff.ts';
import type { Receiver } from '../connection/connection.ts';
import type { Lanes } from '../connection/lanes.ts';
import { Deque } from '../deque.ts';
import { ackCommand, type Failure, failCommand } from '../protocol/commands.ts';
import { ERROR, type ReplyKind } from '../protocol/resp.ts';
import type { HeldJob } from './held-job.ts';
import { ackWorthwhile, leaseLives, nowOnBothClocks } from './lease.ts';

/**
 * How a FAIL ended. `told`: Faktory has it. `lost`: it answered the first with an error and then knew the job no more,
 * which is then gone (a fault of Faktory's). `unclear`: it does not know the job, because it was told before (a reply
 * that got lost), or because it was restarted and has lost it. `late`: the lease ended first.
 */
export type FailEnd = 'told' | 'lost' | 'unclear' | 'late';

export interface OutboxEvents {
  /** Faktory has answered: there is room for more. */
  onReported(): void;
  /** It was not sent (again): the lease is over. */
  onLate(held: HeldJob): void;
  /** Faktory answered with an error of its own; the report is sent again. */
  onRefused(verb: string, text: string): void;
  /** It took so long to answer. */
  onAnswered(verb: string, ms: number): void;
}

/** Reports unanswered on each lane before one more is opened: an ACK costs Faktory four Redis round trips. */
const LANE_DEPTH = 16;

export class Outbox {
  readonly #lanes: Lanes;
  readonly #maxLanes: number;
  readonly #events: OutboxEvents;
  readonly #unsent = new Deque<Report>();
  #pumping: NodeJS.Immediate | undefined;
  #size = 0;
  /** In the order they became owed; those in front that are answered are gone, the others' time will come. */
  readonly #owed = new Deque<Report>();
  /** The oldest at the last sweep, and since when it is: no report needs a clock of its own. */
  #oldest: { report: Report; since: number } | undefined;
  #resent = 0;
  #emptyWaiters: (() => void)[] = [];

  constructor(lanes: Lanes, maxLanes: number, events: OutboxEvents) {
    this.#lanes = lanes;
    this.#maxLanes = maxLanes;
    this.#events = events;
  }

  /** Reports that are not answered. */
  get size(): number {
    return this.#size;
  }

  /** How long the oldest of them has been so, in ms; it is known to a second. */
  oldestMs(now: number): number {
    return this.#oldest?.report === this.#peek() && this.#oldest !== undefined ? now - this.#oldest.since : 0;
  }

  /** Called once a second. */
  sweep(now: number): void {
    const report = this.#peek();
    if (report === undefined) this.#oldest = undefined;
    else if (report !== this.#oldest?.report) this.#oldest = { report, since: now };
  }

  /** Reports that were sent again. */
  get resent(): number {
    return this.#resent;
  }

  ack(held: HeldJob): void {
    this.#add(new Report(this, held, 'ACK', ackCommand(held.job.jid)));
  }

  fail(held: HeldJob, failure: Failure, onEnd: OnFailEnd): void {
    this.#add(new Report(this, held, 'FAIL', failCommand(failure), onEnd));
  }

  /** Sends what no lane could take; called when a lane is ready. */
  pump(): void {
    if (this.#pumping !== undefined) clearImmediate(this.#pumping);
    this.#pumping = undefined;
    for (let count = this.#unsent.size; count > 0; count -= 1) this.#send(this.#unsent.shift()!);
  }

  /** Resolves when nothing is owed. */
  async empty(): Promise<void> {
    while (this.#size > 0) await new Promise<void>((resolve) => this.#emptyWaiters.push(resolve));
  }

  #add(report: Report): void {
    report.held.moveTo('reporting');
    this.#size += 1;
    this.#owed.push(report);
    this.#send(report);
  }

  /** The oldest that is not answered. */
  #peek(): Report | undefined {
    let oldest = this.#owed.peek();
    while (oldest !== undefined && oldest.held.state === 'settled') {
      this.#owed.shift();
      oldest = this.#owed.peek();
    }
    return oldest;
  }

  #send(report: Report): void {
    if (!report.allowed) {
      this.#leave(report, 'late');
      return this.#events.onLate(report.held);
    }
    const lane = this.#lanes.idlest();
    if (lane === undefined) {
      this.#unsent.push(report);
      return;
    }
    if (lane.unanswered >= LANE_DEPTH && this.#lanes.wanted < this.#maxLanes)
      this.#lanes.want(this.#lanes.wanted + 1);
    lane.send(report.command, report);
  }

  answered(report: Report, kind: ReplyKind, text: string, ms: number): void {
    this.#events.onAnswered(report.verb, ms);
    if (kind !== ERROR) return this.#leave(report, 'told');
    if (report.verb === 'FAIL' && text.startsWith('ERR Job not found')) {
      return this.#leave(report, report.refused ? 'lost' : 'unclear');
    }
    // A fault on Faktory's side; the report is still owed.
    report.refused = true;
    this.#events.onRefused(report.verb, text);
    this.#resent += 1;
    setTimeout(() => this.#send(report), backoffMs(report.attempts));
    report.attempts += 1;
  }

  /** `written` false: it never left, and nothing is in doubt. */
  lost(report: Report, written: boolean): void {
    if (written) {
      report.firstSentAt ??= report.owedSince;
      this.#resent += 1;
    }
    this.#unsent.push(report);
    this.#pumping ??= setImmediate(() => this.pump());
  }

  #leave(report: Report, end: FailEnd): void {
    this.#size -= 1;
    report.held.moveTo('settled');
    this.#peek();
    report.onEnd?.(end, report.firstSentAt ?? report.held.lease.startSteady);
    this.#events.onReported();
    if (this.#size > 0) return;
    const waiters = this.#emptyWaiters;
    this.#emptyWaiters = [];
    for (const resolve of waiters) resolve();
  }
}

/** `doubtfulSince` (ms, monotonic): if Faktory was restarted after that, `unclear` may mean that the job is lost. */
export type OnFailEnd = (end: FailEnd, doubtfulSince: number) => void;

class Report implements Receiver {
  readonly held: HeldJob;
  readonly verb: 'ACK' | 'FAIL';
  readonly command: string;
  readonly onEnd: OnFailEnd | undefined;
  /** Of a FAIL: when it was first sent, once its connection was lost (ms, monotonic). Faktory may have had it. */
  firstSentAt: number | undefined;
  /** Whether Faktory has answered it with an error. */
  refused = false;
  attempts = 0;
  /** Only a FAIL is asked for it. */
  readonly owedSince: number;
  readonly #outbox: Outbox;

  constructor(
    outbox: Outbox,
    held: HeldJob,
    verb: 'ACK' | 'FAIL',
    command: string,
    onEnd?: OnFailEnd | undefined,
  ) {
    this.#outbox = outbox;
    this.held = held;
    this.verb = verb;
    this.command = command;
    this.onEnd = onEnd;
    this.owedSince = verb === 'FAIL' ? performance.now() : 0;
  }

  get allowed(): boolean {
    const now = nowOnBothClocks();
    return this.verb === 'ACK' ? ackWorthwhile(this.held.lease, now) : leaseLives(this.held.lease, now);
  }

  onReply(kind: ReplyKind, text: string, writtenAt: number, arrivedAt: number): void {
    this.#outbox.answered(this, kind, text, arrivedAt - writtenAt);
  }

  onLost(_error: unknown, written: boolean): void {
    this.#outbox.lost(this, written);
  }
}
