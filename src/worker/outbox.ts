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
/** How long fewer lanes must have been enough before one is given up. */
const IDLE_SECONDS = 10;

export class Outbox {
  readonly #lanes: Lanes;
  readonly #maxLanes: number;
  readonly #events: OutboxEvents;
  readonly #unsent = new Deque<Report>();
  #pumping: NodeJS.Immediate | undefined;
  #size = 0;
  /** How many of those that became owed in each second are not answered: no report needs a clock of its own. */
  #seconds: Second[] = [{ since: performance.now(), owed: 0 }];
  #resent = 0;
  /** The most that were unanswered at once, in this second and the seconds before. */
  #peaks: number[] = [0];
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
    const oldest = this.#seconds.find(({ owed }) => owed > 0);
    return oldest === undefined ? 0 : now - oldest.since;
  }

  /** Called once a second. */
  sweep(now: number): void {
    this.#giveUpLanes();
    this.#seconds = this.#seconds.filter(({ owed }) => owed > 0);
    this.#seconds.push({ since: now, owed: 0 });
  }

  /** As few lanes as ten seconds have needed: an idle socket costs Faktory a connection. */
  #giveUpLanes(): void {
    const { ready, wanted } = this.#lanes;
    const enough = Math.max(1, Math.ceil(Math.max(...this.#peaks) / LANE_DEPTH));
    this.#peaks = [this.#size, ...this.#peaks.slice(0, IDLE_SECONDS - 1)];
    if (this.#peaks.length < IDLE_SECONDS || wanted <= enough) return;
    // Over Faktory's limit fewer are up than are wanted, and the last of them must stay.
    const idle = ready.filter((lane) => lane.unanswered === 0).slice(0, Math.max(0, ready.length - enough));
    for (const lane of idle) void this.#lanes.release(lane);
    this.#lanes.want(Math.max(enough, this.#lanes.ready.length));
  }

  /** Reports that were sent again. */
  get resent(): number {
    return this.#resent;
  }

  ack(held: HeldJob): void {
    this.#add(new Report(this, this.#seconds.at(-1)!, held, 'ACK', ackCommand(held.job.jid)));
  }

  fail(held: HeldJob, failure: Failure, onEnd: OnFailEnd): void {
    this.#add(new Report(this, this.#seconds.at(-1)!, held, 'FAIL', failCommand(failure), onEnd));
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
    if (this.#size > this.#peaks[0]!) this.#peaks[0] = this.#size;
    report.second.owed += 1;
    this.#send(report);
  }

  #send(report: Report): void {
    if (!report.allowed) {
      // Faktory's error to the first has taken the reservation with it: nobody will get the job again.
      if (report.refused && report.verb === 'FAIL') return this.#leave(report, 'lost');
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
    report.second.owed -= 1;
    report.held.moveTo('settled');
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

interface Second {
  readonly since: number;
  owed: number;
}

class Report implements Receiver {
  /** When it became owed. */
  readonly second: Second;
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
    second: Second,
    held: HeldJob,
    verb: 'ACK' | 'FAIL',
    command: string,
    onEnd?: OnFailEnd | undefined,
  ) {
    this.#outbox = outbox;
    this.second = second;
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
