/**
 * A fetch lane of partitions, the FETCHes that are out on it in their order, and what their replies tell: of which
 * partitions jobs lie at Faktory.
 */
import type { FetchLane } from '../fetch-lane.ts';
import type { ReplyClass } from '../plan.ts';
import type { OwnedPartition } from './owned-partition.ts';

/** A partition as it is fetched: the lane that it should be on, and the one that FETCHes naming it are out on. */
export interface Bound {
  readonly partition: OwnedPartition;
  lane: FetchLane | undefined;
  outOn: FetchLane | undefined;
  out: number;
  /** Of these, those that leave others out. */
  partial: number;
  /** Replies in a row for which a job of it lay there. */
  streak: number;
  /** Not fetched any more: it goes when its FETCHes are back. */
  isLeft: boolean;
}

/** A FETCH that is out. */
export interface Sent {
  /** In this order Faktory looks for a job. */
  readonly named: readonly Bound[];
  /** Whether it leaves out partitions of its lane, since they have enough. */
  readonly isPartial: boolean;
}

/** After so long with nothing out a FETCH may leave out those that have enough, though it may have to wait. */
const REST_MS = 100;

export class LaneRow {
  readonly lane: FetchLane;
  readonly out: Sent[] = [];
  /** Where the next FETCH begins among the partitions of the lane. */
  turn = 0;
  /** Looks whether the first of them still waits. */
  watch: NodeJS.Timeout | undefined;
  /** Since when nothing is out, though a partition has room. */
  #restsSince: number | undefined;
  /** What is being answered, and by what. */
  #answered: Sent | undefined;
  #reply: ReplyClass | undefined;
  #queue: string | undefined;

  constructor(laneOf: (row: LaneRow) => FetchLane) {
    this.lane = laneOf(this);
  }

  /**
   * In how many ms a FETCH may go that leaves some out; undefined: not before a reply. Should it have to wait, it would
   * hold up those that have enough just now. So it goes where jobs lie, by as many as came at once before; and for the
   * others only when nothing has been out for a while.
   */
  leavesOutIn({ named }: Sent, now: number): number | undefined {
    if (named.some(({ streak, partial }) => streak > 1 && partial < 2 ** (streak - 2))) return 0;
    if (this.out.length > 0) return undefined;
    this.#restsSince ??= now;
    return Math.max(0, this.#restsSince + REST_MS - now);
  }

  onSent(sent: Sent): void {
    this.#restsSince = undefined;
    this.out.push(sent);
    for (const bound of sent.named) {
      bound.out += 1;
      bound.outOn = this.lane;
      if (sent.isPartial) bound.partial += 1;
    }
  }

  /** The oldest is not out any more. */
  onBack(): Sent {
    const sent = this.out.shift()!;
    this.#answered = sent;
    for (const bound of sent.named) {
      bound.out -= 1;
      if (sent.isPartial) bound.partial -= 1;
      if (bound.out === 0) bound.outOn = undefined;
    }
    return sent;
  }

  onReply(reply: ReplyClass): void {
    this.#reply = reply;
  }

  onJob(queue: string): void {
    this.#queue = queue;
  }

  /** In the partitions that were named before the one whose job has come none lay. */
  learn(): void {
    const [answered, reply, queue] = [this.#answered, this.#reply, this.#queue];
    this.#answered = this.#reply = this.#queue = undefined;
    for (const bound of answered?.named ?? []) {
      const isIts = bound.partition.name === queue;
      bound.streak = isIts && reply === 'backlog' ? bound.streak + 1 : 0;
      if (isIts) break;
    }
  }
}
