/**
 * The fetch lanes of partitions. A partition is bound to one lane while a FETCH that names it is out: by two lanes at once
 * its jobs would come out of order. Lanes of their own, since a FETCH for a queue that is empty holds up all those behind
 * it on its lane for two seconds. For the same reason FETCHes that do not name a partition which runs dry are called back.
 */
import type { Connection } from '../../connection/connection.ts';
import { Lanes, type LanesOptions } from '../../connection/lanes.ts';
import type { Pusher } from '../../pushing/pusher.ts';
import type { Credits } from '../credits.ts';
import { FetchLane, type FetchLaneEvents } from '../fetch-lane.ts';
import { callBack, type WakeNames } from '../wake.ts';
import type { OwnedPartition } from './owned-partition.ts';

export interface PartitionLanesOptions
  extends Pick<FetchLaneEvents, 'onJob' | 'onToken' | 'onUnreadable' | 'onRefused' | 'roundTripMs'> {
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
const PARTITIONS_PER_LANE = 2;
/** Faktory's own time for a job that lies there, were it busy: tokens would make it more so. */
const BACKLOG_MS = 100;

/** A lane, and what its FETCHes name: they are answered in this order. */
interface Row {
  readonly lane: FetchLane;
  readonly out: (readonly Bound[])[];
  /** Where the next FETCH begins among the partitions of the lane. */
  turn: number;
  /** Looks whether the first of them still waits. */
  watch: NodeJS.Timeout | undefined;
}

/** A partition as it is fetched: the lane that it should be on, and the one that FETCHes naming it are out on. */
interface Bound {
  readonly partition: OwnedPartition;
  lane: FetchLane | undefined;
  outOn: FetchLane | undefined;
  out: number;
  /** Not fetched any more: it goes when its FETCHes are back. */
  isLeft: boolean;
}

export class PartitionLanes {
  readonly #options: PartitionLanesOptions;
  readonly #lanes: Lanes;
  readonly #byConnection = new Map<Connection, FetchLane>();
  readonly #events: FetchLaneEvents;
  readonly #bound = new Map<OwnedPartition, Bound>();
  readonly #rows = new Map<FetchLane, Row>();
  #refilling: NodeJS.Immediate | undefined;
  #isStopped = false;

  constructor(options: PartitionLanesOptions) {
    this.#options = options;
    const { onJob, onToken, onUnreadable, onRefused, roundTripMs } = options;
    this.#events = {
      onJob,
      onToken,
      onUnreadable,
      onRefused,
      roundTripMs,
      onReplyClass: (reply, now) => {
        if (reply !== 'empty') options.onReply(now);
      },
      onAnswered: () => this.refillSoon(),
      mostPerLane: () => MOST_DEPTH,
      onBytes: () => {},
    };
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
    this.#bound.set(partition, { partition, lane: undefined, outOn: undefined, out: 0, isLeft: false });
    const wanted = Math.min(maxLanes, Math.ceil(this.#bound.size / PARTITIONS_PER_LANE));
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

  #fill(row: Row, bounds: readonly Bound[], now: number): void {
    const { lane } = row;
    for (let room = lane.room(now); room > 0; room -= 1) {
      const named = this.#nameable(lane, bounds, row.turn);
      if (named.length === 0) break;
      row.turn = (row.turn + 1) % bounds.length;
      this.#send(row, named);
    }
    lane.connection.flush();
    if (row.watch === undefined && this.#blockers(row, bounds) > 0) this.#watch(row);
  }

  /** In turn, so that none comes first always; those with room, and nothing out elsewhere. */
  #nameable(lane: FetchLane, bounds: readonly Bound[], turn: number): Bound[] {
    const { credits } = this.#options;
    const named: Bound[] = [];
    for (let i = 0; i < bounds.length; i += 1) {
      const bound = bounds[(turn + i) % bounds.length]!;
      const isElsewhere = bound.out > 0 && bound.outOn !== lane;
      if (!isElsewhere && credits.hasRoom(bound.partition.name)) named.push(bound);
    }
    return named;
  }

  #send(row: Row, named: readonly Bound[]): void {
    for (const bound of named) {
      bound.out += 1;
      bound.outOn = row.lane;
    }
    row.out.push(named);
    const names = named.map(({ partition }) => partition.name);
    const charge = this.#options.credits.charge(names, () => {
      row.out.shift();
      this.#onAnswered(named);
    });
    row.lane.fetch(names, charge);
  }

  /** How many FETCHes stand before the first that names a partition which has hardly anything left to run. */
  #blockers({ lane, out }: Row, bounds: readonly Bound[]): number {
    const { credits } = this.#options;
    let most = 0;
    for (const bound of bounds) {
      const { partition } = bound;
      if (out[0]?.includes(bound) !== false || partition.held * 2 > partition.window) continue;
      if (bound.out > 0 && bound.outOn !== lane) continue;
      if (bound.out === 0 && !credits.hasRoom(partition.name)) continue;
      const first = out.findIndex((named) => named.includes(bound));
      most = Math.max(most, first === -1 ? out.length : first);
    }
    return most;
  }

  /** Where the first FETCH is not answered by the time that a job takes to come, it waits for one. */
  #watch(row: Row): void {
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

  #onAnswered(named: readonly Bound[]): void {
    for (const bound of named) {
      bound.out -= 1;
      if (bound.out > 0) continue;
      bound.outOn = undefined;
      if (bound.isLeft) this.#forget(bound);
    }
  }

  async #callBack(lane: FetchLane, count = lane.uncalled): Promise<void> {
    if (count <= 0) return;
    lane.awaitTokens(count);
    await callBack(this.#options.pusher, lane.wakeQueue, count);
  }

  #onReady(connection: Connection): void {
    const lane = new FetchLane(connection, this.#options.names.take(), this.#events);
    this.#byConnection.set(connection, lane);
    this.#rows.set(lane, { lane, out: [], turn: 0, watch: undefined });
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
