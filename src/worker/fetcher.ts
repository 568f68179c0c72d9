/**
 * The fetch lanes together: carries out the plan, spreads FETCHes over the lanes, calls them back with wake tokens.
 *
 * It *fetches*, or is *stopped* for good; a stopped one only waits for what is outstanding.
 */
import type { Connection } from '../connection/connection.ts';
import { Lanes, type LanesOptions } from '../connection/lanes.ts';
import type { JobPayload } from '../protocol/job.ts';
import type { Pusher } from '../pushing/pusher.ts';
import type { Charge, Credits } from './credits.ts';
import { FetchLane, type FetchLaneEvents } from './fetch-lane.ts';
import { type FetchPlan, lanesFor, lanesNeeded, MIN_LANES, type PlanState } from './plan.ts';
import { Sending } from './sending.ts';
import { callBack, WakeNames } from './wake.ts';

export interface FetcherOptions {
  lanes: Omit<LanesOptions, 'onReady' | 'onLost'>;
  maxLanes: number;
  plan: FetchPlan;
  pusher: Pusher;
  /** Shared with the lanes of partitions: none has the name of another. */
  names?: WakeNames;
  /** The queues of the next FETCH. */
  nextQueues: () => readonly string[];
  /** What may be fetched of which queue. */
  credits: Credits;
  planState: () => PlanState;
  /** Batch handlers: their queues may be fetched beyond what slots can take. */
  batches?: {
    readonly queues: ReadonlyMap<string, unknown>;
    readonly gathered: number;
    readonly running: number;
    /** Jobs of a queue that may be held or on their way, just now. */
    roomOf(queue: string): number;
  };
  onJob: (job: JobPayload, writtenAt: number, now: number, charge?: Charge) => void;
  onToken: (token: JobPayload, writtenAt: number, now: number) => void;
  onUnreadable: (head: string, writtenAt: number, now: number) => void;
  onRefused: (text: string) => void;
  /** FETCHes that a lost socket has left behind. */
  onStranded: (count: number) => void;
}

/** A FETCH is answered within two seconds, if only with nothing; and a moment for the way. */
const LONGEST_WAIT_MS = 3_000;
/** Lanes that the plan has not needed for so many ticks are given up. */
const SPARE_TICKS = 10;
const RECALL_ROUNDS = 5;
const RECALL_ROUND_MS = 100;

export class Fetcher {
  readonly #options: FetcherOptions;
  readonly #lanes: Lanes;
  readonly #byConnection = new Map<Connection, FetchLane>();
  readonly #names: WakeNames;
  readonly #events: FetchLaneEvents;
  #stopped = false;
  #hadSpare = false;
  #ticksWithSpareLane = 0;
  readonly #sending: Sending;
  #refilling: NodeJS.Immediate | undefined;
  #drainedWaiters: (() => void)[] = [];

  constructor(options: FetcherOptions) {
    this.#options = options;
    this.#names = options.names ?? new WakeNames();
    const { plan, nextQueues, credits, onJob, onToken, onUnreadable, onRefused } = options;
    this.#sending = new Sending({ lanes: () => this.#byConnection.values(), nextQueues, credits });
    this.#events = {
      onJob,
      onToken,
      onUnreadable,
      onRefused,
      onReplyClass: (reply, now) => plan.onReply(reply, now),
      onAnswered: () => this.#onAnswered(),
      roundTripMs: () => plan.roundTripMs,
      mostPerLane: () => plan.most,
      onBytes: (bytes) => plan.onBytes(bytes),
    };
    this.#lanes = new Lanes({
      ...options.lanes,
      onReady: (connection) => this.#onReady(connection),
      onLost: (connection) => this.#onLost(connection),
    });
  }

  /** FETCHes on their way, or waiting at Faktory. */
  get outstanding(): number {
    let count = 0;
    for (const lane of this.#byConnection.values()) count += lane.outstanding;
    return count;
  }

  get laneCount(): number {
    return this.#byConnection.size;
  }

  /** Sockets by state, and what was lost and replaced since the start. */
  get laneCounts(): Lanes['counts'] {
    return this.#lanes.counts;
  }

  start(): void {
    this.#lanes.want(Math.min(MIN_LANES, this.#options.maxLanes));
  }

  /** Another lane was found dead: replaces those that owe an answer for longer than a FETCH may wait. */
  dropSilent(): void {
    this.#lanes.dropSilent(LONGEST_WAIT_MS);
  }

  /** Opens lanes that were held back. */
  refresh(): void {
    this.#lanes.refresh();
  }

  /** Sends what the plan wants at the end of this tick. */
  refillSoon(): void {
    if (!this.#stopped) this.#refilling ??= setImmediate(() => this.#refill());
  }

  /** Fetches nothing more. */
  stop(): void {
    this.#stopped = true;
    if (this.#refilling !== undefined) clearImmediate(this.#refilling);
  }

  /** Calls every outstanding FETCH back; resolves when none is left. Tokens that fail are only slower. */
  async recall(roundTripMs: number): Promise<void> {
    for (let round = 0; round < RECALL_ROUNDS && this.outstanding > 0; round += 1) {
      // A round whose tokens are not stored yet needs no second one: Faktory is slow, and they would multiply.
      await Promise.race([this.#callAllBack(), this.#drainedWithin(Number.POSITIVE_INFINITY)]);
      await this.#drainedWithin(RECALL_ROUND_MS + 2 * roundTripMs);
    }
    await this.#drainedWithin(Number.POSITIVE_INFINITY);
  }

  /**
   * Calls back what is outstanding, as far as that goes: a queue that these FETCHes name is not to be fetched any more.
   * What a busy queue answers meanwhile is jobs, and the tokens left end as many of the next FETCHes.
   */
  recallOnce(): void {
    if (this.#stopped) return;
    void this.#callAllBack();
  }

  /**
   * Called once a second: after a burst more FETCHes wait than a quiet queue needs, each for seconds behind the others
   * of its lane. What the plan has not wanted for a whole tick is called back.
   */
  tick(): void {
    this.refillSoon();
    if (this.#stopped) return;
    const spare = this.outstanding - Math.max(this.#options.plan.ceiling, 2 * this.laneCount);
    if (spare > 0 && this.#hadSpare) {
      for (const lane of this.#byConnection.values())
        void this.#callBack(lane, Math.min(lane.spare, lane.uncalled));
    }
    this.#hadSpare = spare > 0;
    this.#giveUpLanes();
  }

  /** A lane is given up as it must be: it fetches no more, its FETCHes are called back, and then it ends. */
  #giveUpLanes(): void {
    for (const [connection, lane] of this.#byConnection) {
      if (!lane.retired) continue;
      // Again for those that others were given: not each second for all, they might lie in a queue that is paused.
      if (lane.outstanding > 0) void this.#callBack(lane, lane.uncalled);
      else this.#release(connection, lane);
    }
    const serving = [...this.#byConnection.values()].filter((lane) => !lane.retired);
    const needed = lanesNeeded(
      this.#options.plan.ceiling,
      serving.map((lane) => lane.depth),
    );
    // Beside those: the open lane, and those on which FETCHes wait that have left queues out.
    const held = serving.filter(({ leftOut }) => leftOut.size > 0).length;
    const spare = serving.length - needed - (this.#options.credits.any ? 1 + held : 0);
    this.#ticksWithSpareLane = spare > 0 ? this.#ticksWithSpareLane + 1 : 0;
    if (this.#ticksWithSpareLane < SPARE_TICKS) return;
    serving.sort((a, b) => a.depth - b.depth || a.outstanding - b.outstanding);
    for (const lane of serving.slice(0, spare)) {
      lane.retire();
      void this.#callBack(lane, lane.outstanding);
    }
  }

  #release(connection: Connection, lane: FetchLane): void {
    this.#byConnection.delete(connection);
    this.#names.giveBack(lane.wakeQueue);
    void this.#lanes.release(connection);
  }

  async #callAllBack(): Promise<void> {
    await Promise.all([...this.#byConnection.values()].map((lane) => this.#callBack(lane, lane.outstanding)));
  }

  async #callBack(lane: FetchLane, count: number): Promise<void> {
    if (count <= 0) return;
    lane.awaitTokens(count);
    await callBack(this.#options.pusher, lane.wakeQueue, count);
  }

  close(): Promise<void> {
    this.stop();
    return this.#lanes.close();
  }

  destroy(): void {
    this.stop();
    this.#lanes.destroy();
  }

  #refill(): void {
    this.#refilling = undefined;
    if (this.#stopped) return;
    const { plan, planState } = this.#options;
    const now = performance.now();
    const state = planState();
    const forSlots = this.outstanding - this.#sending.beyond;
    // Short ones take their places as all do, but what they wait for says nothing of what the others need.
    const fetches = plan.wanted(state, now) - (forSlots - this.#sending.short);
    const places = plan.room(state) - forSlots;
    let lacksLanes = this.#sending.send({ fetches, places, mostOfKind: plan.ceiling }, now);
    const { batches, credits } = this.#options;
    if (batches !== undefined && batches.queues.size > 0) {
      // Jobs that are gathered take no slot each.
      const { gathered, running: batchesRunning } = batches;
      const more = plan.wantedOfBatches({ ...state, gathered, batchesRunning }) - this.outstanding;
      const hasRoom = (queue: string): boolean =>
        batches.queues.has(queue) && credits.usedBy(queue) < batches.roomOf(queue);
      lacksLanes = this.#sending.sendBeyond(more, hasRoom, now) || lacksLanes;
    }
    for (const each of this.#byConnection.values()) each.connection.flush();
    this.#openLanes(plan.ceiling, lacksLanes);
  }

  /** `lacksRoom`: the lanes that are up have not earned the depth that the plan wants. */
  #openLanes(ceiling: number, lacksRoom: boolean): void {
    const { maxLanes } = this.#options;
    const wanted = lacksRoom ? Math.min(maxLanes, this.laneCount + 1) : lanesFor(ceiling, maxLanes);
    if (wanted > this.#lanes.wanted) this.#lanes.want(wanted);
  }

  #onReady(connection: Connection): void {
    this.#byConnection.set(connection, new FetchLane(connection, this.#names.take(), this.#events));
    this.refillSoon();
  }

  /** Tokens first: the dead socket's FETCHes still wait at Faktory, and would take jobs that nobody gets. */
  #onLost(connection: Connection): void {
    const lane = this.#byConnection.get(connection);
    // One that was given up and then reset: nothing was outstanding.
    if (lane === undefined) return;
    this.#byConnection.delete(connection);
    this.#names.giveBack(lane.wakeQueue);
    const { written } = connection;
    if (written > 0) {
      void callBack(this.#options.pusher, lane.wakeQueue, written);
      this.#options.onStranded(written);
    }
    if (this.#stopped && this.outstanding === 0) this.#tellDrained();
  }

  #onAnswered(): void {
    if (!this.#stopped) this.refillSoon();
    else if (this.outstanding === 0) this.#tellDrained();
  }

  #tellDrained(): void {
    const waiters = this.#drainedWaiters;
    this.#drainedWaiters = [];
    for (const resolve of waiters) resolve();
  }

  /** Resolves when nothing is outstanding, or when the time is over. */
  #drainedWithin(ms: number): Promise<void> {
    if (this.outstanding === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = Number.isFinite(ms) ? setTimeout(resolve, ms) : undefined;
      this.#drainedWaiters.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
