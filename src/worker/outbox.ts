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

export interface OutboxEvents {
  /** Faktory has answered: nothing more is owed. */
  onReported(held: HeldJob): void;
  /** It was not sent (again): the lease is over. */
  onLate(held: HeldJob): void;
  /** Faktory no longer knew the job that failed. */
  onNotFound(held: HeldJob): void;
  /** Faktory answered with an error of its own; the report is sent again. */
  onRefused(verb: string, text: string): void;
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

  ack(held: HeldJob): void {
    this.#add(new Report(this, held, 'ACK', ackCommand(held.job.jid)));
  }

  fail(held: HeldJob, failure: Failure): void {
    this.#add(new Report(this, held, 'FAIL', failCommand(failure)));
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
    this.#send(report);
  }

  #send(report: Report): void {
    if (!report.allowed) return this.#leave(report, () => this.#events.onLate(report.held));
    const lane = this.#lanes.idlest();
    if (lane === undefined) {
      this.#unsent.push(report);
      return;
    }
    if (lane.unanswered >= LANE_DEPTH && this.#lanes.wanted < this.#maxLanes)
      this.#lanes.want(this.#lanes.wanted + 1);
    lane.send(report.command, report);
  }

  answered(report: Report, kind: ReplyKind, text: string): void {
    if (kind !== ERROR) return this.#leave(report, () => this.#events.onReported(report.held));
    if (report.verb === 'FAIL' && text.startsWith('ERR Job not found')) {
      return this.#leave(report, () => this.#events.onNotFound(report.held));
    }
    // A fault on Faktory's side; the report is still owed.
    this.#events.onRefused(report.verb, text);
    setTimeout(() => this.#send(report), backoffMs(report.attempts));
    report.attempts += 1;
  }

  lost(report: Report): void {
    this.#unsent.push(report);
    this.#pumping ??= setImmediate(() => this.pump());
  }

  #leave(report: Report, tell: () => void): void {
    this.#size -= 1;
    report.held.moveTo('settled');
    tell();
    if (this.#size > 0) return;
    const waiters = this.#emptyWaiters;
    this.#emptyWaiters = [];
    for (const resolve of waiters) resolve();
  }
}

class Report implements Receiver {
  readonly held: HeldJob;
  readonly verb: 'ACK' | 'FAIL';
  readonly command: string;
  attempts = 0;
  readonly #outbox: Outbox;

  constructor(outbox: Outbox, held: HeldJob, verb: 'ACK' | 'FAIL', command: string) {
    this.#outbox = outbox;
    this.held = held;
    this.verb = verb;
    this.command = command;
  }

  get allowed(): boolean {
    const now = nowOnBothClocks();
    return this.verb === 'ACK' ? ackWorthwhile(this.held.lease, now) : leaseLives(this.held.lease, now);
  }

  onReply(kind: ReplyKind, text: string): void {
    this.#outbox.answered(this, kind, text);
  }

  onLost(): void {
    this.#outbox.lost(this);
  }
}
