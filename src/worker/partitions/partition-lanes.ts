/**
 * The fetch lanes of partitions. A partition is bound to one lane while a FETCH that names it is out: by two lanes at once
 * its jobs would come out of order. Lanes of their own, since a FETCH for a queue that is empty holds up all those behind
 * it on its lane for two seconds. For the same reason one that leaves out a partition, because it has enough, goes only
 * where jobs of another are known to lie; and is called back where it waits all the same.
 */
import type { Connection } from '../../connection/connection.ts';
import { Lanes, type LanesOptions } from '../../connection/lanes.ts';
import type { Pusher } from '../../pushing/pusher.ts';
import type { Credits } from '../credits.ts';
import { FetchLane, type FetchLaneEvents } from '../fetch-lane.ts';
import { callBack, type WakeNames } from '../wake.ts';
import { type Bound, LaneRow, type Sent } from './lane-row.ts';
import type { OwnedPartition } from './owned-partition.ts';

export interface PartitionLanesOptions
  extends Pick<
    FetchLaneEvents,
    'onJob' | 'onToken' | 'onUnreadable' | 'onRefused' | 'onBytes' | 'roundTripMs'
  > {
  lanes: Omit<LanesOptions, 'onReady' | 'onLost'>;
  maxLanes: number;
  pusher: Pusher;
  /** Shared with the other lanes: none has the name of another. */
  names: WakeNames;
  credits: Credits;
  /** Nothing may be taken: too many reports are owed. */
  isFull(): boolean;
  /** A job has come. */
  onReply(now: number): void;
  onStranded(count: number): void;
  /** FETCHes that named a partition which is not fetched any more are back. */
  onBack(): void;
}

/** A FETCH is answered within two seconds, if only with nothing; and a moment for the way. */
const LONGEST_WAIT_MS = 3_000;
const MOST_DEPTH = 512;
/** Faktory's own time for a job that lies there, were it busy: tokens would make it more so. */
const BACKLOG_MS = 30;
export class PartitionLanes {
  readonly #options: PartitionLanesOptions;
  readonly #lanes: Lanes;
  readonly #byConnection = new Map<Connection, FetchLane>();
  readonly #bound = new Map<OwnedPartition, Bound>();
  readonly #rows = new Map<FetchLane, LaneRow>();
  #refilling: NodeJS.Immediate | undefined;
  #refillTimer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(options: PartitionLanesOptions) {
    this.#options = options;
    this.#lanes = new Lanes({
      ...options.lanes,
      onReady: (connection) => this.#onReady(connection),
      onLost: (connection) => this.#onLost(connection),
    });
  }

  get outstanding(): number {
    let count = 0;
    for (const lane of this.#byConnection.values()) count += lane.outstanding;
    return count;
  }

  get laneCount(): number {
    return this.#byConnection.size;
  }

  get counts(): Lanes['counts'] {
    return this.#lanes.counts;
  }

  /** Its queue is fetched from now on. */
  add(partition: OwnedPartition): void {
    const { credits, maxLanes } = this.#options;
    credits.limit(partition.name, () => partition.window, 'partition');
    this.#bound.set(partition, {
      partition,
      lane: undefined,
      outOn: undefined,
      out: 0,
      partial: 0,
      streak: 0,
      isLeft: false,
    });
    const wanted = Math.min(maxLanes, this.#bound.size);
    if (wanted > this.#lanes.wanted) this.#lanes.want(wanted);
    this.#spread();
    this.refillSoon();
  }

  /** It is not fetched any more; what is out for it is called back. */
  leave(partition: OwnedPartition): void {
    const bound = this.#bound.get(partition);
    if (bound === undefined || bound.isLeft) return;
    bound.isLeft = true;
    bound.lane = undefined;
    if (bound.out === 0) this.#forget(bound);
    else void this.#callBack(bound.outOn!);
  }

  /** Whether it is fetched, or a FETCH that names it is out. */
  isOut(partition: OwnedPartition): boolean {
    return this.#bound.has(partition);
  }

  /** The same of a queue, whoever owned it. */
  isNamed(queue: string): boolean {
    for (const { name } of this.#bound.keys()) if (name === queue) return true;
    return false;
  }

  /** Opens lanes that were held back. */
  refresh(): void {
    this.#lanes.refresh();
  }

  dropSilent(): void {
    this.#lanes.dropSilent(LONGEST_WAIT_MS);
  }

  refillSoon(): void {
    if (!this.#isStopped) this.#refilling ??= setImmediate(() => this.#refill());
  }

  /** Called once a second. */
  tick(): void {
    for (const { partition, lane, isLeft, outOn } of this.#bound.values()) {
      // For whoever takes it over should this process die: what to soak up before it fetches.
      if (lane !== undefined) partition.lease.note = noteOf(lane);
      if (isLeft && outOn !== undefined) void this.#callBack(outOn);
    }
    for (const lane of this.#byConnection.values())
      if (lane.spare > 0) void this.#callBack(lane, Math.min(lane.spare, lane.uncalled));
    this.refillSoon();
  }

  close(): Promise<void> {
    this.#stop();
    return this.#lanes.close();
  }

  destroy(): void {
    this.#stop();
    this.#lanes.destroy();
  }

  #stop(): void {
    this.#isStopped = true;
    if (this.#refilling !== undefined) clearImmediate(this.#refilling);
    clearTimeout(this.#refillTimer);
  }

  #forget(bound: Bound): void {
    this.#bound.delete(bound.partition);
    const { name } = bound.partition;
    if (!this.isNamed(name)) this.#options.credits.limit(name, undefined, 'partition');
    this.#options.onBack();
  }

  /** Each lane gets as many partitions as the others; those that have one stay where they can. */
  #spread(): void {
    const lanes = [...this.#byConnection.values()];
    if (lanes.length === 0) return;
    const rows = new Map<FetchLane, Bound[]>(lanes.map((lane) => [lane, []]));
    const all = [...this.#bound.values()].filter(({ isLeft }) => !isLeft);
    const most = Math.ceil(all.length / lanes.length);
    const homeless: Bound[] = [];
    for (const bound of all) {
      const row = bound.lane && rows.get(bound.lane);
      if (row !== undefined && row.length < most) row.push(bound);
      else homeless.push(bound);
    }
    for (const bound of homeless) {
      const [lane, row] = [...rows].reduce((a, b) => (b[1].length < a[1].length ? b : a));
      bound.lane = lane;
      bound.partition.lease.note = noteOf(lane);
      row.push(bound);
    }
  }

  #refill(): void {
    this.#refilling = undefined;
    if (this.#isStopped || this.#options.isFull()) return;
    const now = performance.now();
    const onLane = new Map<FetchLane, Bound[]>();
    for (const bound of this.#bound.values()) {
      if (bound.lane === undefined) continue;
      const bounds = onLane.get(bound.lane);
      if (bounds === undefined) onLane.set(bound.lane, [bound]);
      else bounds.push(bound);
    }
    for (const [lane, bounds] of onLane) this.#fill(this.#rows.get(lane)!, bounds, now);
  }

  #fill(row: LaneRow, bounds: readonly Bound[], now: number): void {
    const { lane } = row;
    for (let room = lane.room(now); room > 0; room -= 1) {
      const sent = this.#next(lane, bounds, row.turn);
      if (sent.named.length === 0 || (sent.isPartial && !this.#mayLeaveOut(row, sent, now))) break;
      row.turn = (row.turn + 1) % bounds.length;
      this.#send(row, sent);
    }
    lane.connection.flush();
    if (row.watch === undefined && this.#blockers(row, bounds) > 0) this.#watch(row);
  }

  /** In turn, so that none comes first always; those with room, and nothing out elsewhere. */
  #next(lane: FetchLane, bounds: readonly Bound[], turn: number): Sent {
    const { credits } = this.#options;
    const named: Bound[] = [];
    let isPartial = false;
    for (let i = 0; i < bounds.length; i += 1) {
      const bound = bounds[(turn + i) % bounds.length]!;
      if (bound.out > 0 && bound.outOn !== lane) continue;
      if (credits.hasRoom(bound.partition.name)) named.push(bound);
      else isPartial = true;
    }
    return { named, isPartial };
  }

  /** It may hold up those that have enough just now. */
  #mayLeaveOut(row: LaneRow, sent: Sent, now: number): boolean {
    const inMs = row.leavesOutIn(sent, now);
    if (inMs !== undefined && inMs > 0) this.#refillIn(inMs);
    return inMs === 0;
  }

  #refillIn(ms: number): void {
    this.#refillTimer ??= setTimeout(() => {
      this.#refillTimer = undefined;
      this.refillSoon();
    }, ms).unref();
  }

  #send(row: LaneRow, sent: Sent): void {
    row.onSent(sent);
    const names = sent.named.map(({ partition }) => partition.name);
    const charge = this.#options.credits.charge(names, () => {
      for (const bound of row.onBack().named) if (bound.isLeft && bound.out === 0) this.#forget(bound);
    });
    row.lane.fetch(names, charge);
  }

  /** How many FETCHes stand before the first that names a partition which has hardly anything left to run. */
  #blockers({ lane, out }: LaneRow, bounds: readonly Bound[]): number {
    const { credits } = this.#options;
    let most = 0;
    for (const bound of bounds) {
      const { partition } = bound;
      if (out[0]?.named.includes(bound) !== false || partition.held * 2 > partition.window) continue;
      if (bound.out > 0 && bound.outOn !== lane) continue;
      if (bound.out === 0 && !credits.hasRoom(partition.name)) continue;
      const first = out.findIndex(({ named }) => named.includes(bound));
      most = Math.max(most, first === -1 ? out.length : first);
    }
    return most;
  }

  /** Where the first FETCH is not answered by the time that a job takes to come, it waits for one. */
  #watch(row: LaneRow): void {
    const first = row.out[0];
    row.watch = setTimeout(() => {
      row.watch = undefined;
      if (this.#isStopped || !this.#rows.has(row.lane)) return;
      const bounds = [...this.#bound.values()].filter(({ lane }) => lane === row.lane);
      const blockers = this.#blockers(row, bounds);
      if (blockers > 0 && row.out[0] === first)
        void this.#callBack(row.lane, Math.min(blockers, row.lane.uncalled));
      else if (blockers > 0) this.#watch(row);
    }, this.#options.roundTripMs() + BACKLOG_MS);
    row.watch.unref();
  }

  async #callBack(lane: FetchLane, count = lane.uncalled): Promise<void> {
    if (count <= 0) return;
    lane.awaitTokens(count);
    await callBack(this.#options.pusher, lane.wakeQueue, count);
  }

  #eventsOf(row: LaneRow): FetchLaneEvents {
    const { onJob, onReply, onToken, onUnreadable, onRefused, roundTripMs } = this.#options;
    return {
      onToken,
      onUnreadable,
      onRefused,
      roundTripMs,
      onJob: (job, writtenAt, now, charge) => {
        row.onJob(job.queue);
        onJob(job, writtenAt, now, charge);
      },
      onReplyClass: (reply, now) => {
        row.onReply(reply);
        if (reply !== 'empty') onReply(now);
      },
      onAnswered: () => {
        row.learn();
        this.refillSoon();
      },
      mostPerLane: () => MOST_DEPTH,
      onBytes: (bytes) => this.#options.onBytes(bytes),
    };
  }

  #onReady(connection: Connection): void {
    const name = this.#options.names.take();
    const row = new LaneRow((of) => new FetchLane(connection, name, this.#eventsOf(of)));
    const { lane } = row;
    this.#byConnection.set(connection, lane);
    this.#rows.set(lane, row);
    this.#spread();
    this.refillSoon();
  }

  /** Tokens first: the dead socket's FETCHes still wait at Faktory, and would take jobs that nobody gets. */
  #onLost(connection: Connection): void {
    const lane = this.#byConnection.get(connection);
    if (lane === undefined) return;
    this.#byConnection.delete(connection);
    this.#rows.delete(lane);
    this.#options.names.giveBack(lane.wakeQueue);
    for (const bound of this.#bound.values()) if (bound.lane === lane) bound.lane = undefined;
    const { written } = connection;
    if (written === 0) return this.#spreadAgain();
    this.#options.onStranded(written);
    void callBack(this.#options.pusher, lane.wakeQueue, written).then(() => this.#spreadAgain());
  }

  #spreadAgain(): void {
    this.#spread();
    this.refillSoon();
  }
}

function noteOf(lane: FetchLane): string {
  return `${lane.wakeQueue} ${Math.max(lane.outstanding, lane.depth)}`;
}

/** What a predecessor has left at Faktory: FETCHes that wait, by the wake queue that ends them. */
export function readNote(note: string): { wakeQueue: string; count: number } | undefined {
  const [, wakeQueue, count] = /^(\S+) (\d{1,4})$/.exec(note) ?? [];
  return wakeQueue === undefined ? undefined : { wakeQueue, count: Number(count) };
}
