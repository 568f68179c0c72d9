/**
 * A Faktory, a network and a worker in numbers: the plan of fetching decides, and virtual time goes by. Faktory serves
 * one command after another on each lane, so many a second in all; a FETCH on an empty queue waits two seconds.
 */
import {
  classifyReply,
  FetchPlan,
  LaneDepth,
  lanesFor,
  lanesNeeded,
  MIN_LANES,
} from '../../src/worker/plan.ts';
import { likelyMs, type RoundTrip, withRoundTrip } from '../../src/worker/round-trip.ts';

export interface World {
  slots: number;
  /** Jobs ahead of free slots; undefined: auto. */
  lead?: number;
  lanes?: number;
  roundTripMs: number | ((now: number) => number);
  /** Commands a second that Faktory serves. */
  serverPerSecond?: number;
  /** How long the n-th handler takes. */
  handlerMs: (n: number, now: number) => number;
  /** Handlers compute all that time: the process reads no reply meanwhile. */
  handlersBlock?: boolean;
  /** Jobs in the queue at the start; Infinity: it never empties. */
  backlog?: number;
  /** Jobs pushed a second, evenly. */
  arrivalsPerSecond?: number;
  seconds: number;
}

export interface Moment {
  at: number;
  /** Jobs started in this tenth of a second. */
  started: number;
  outstanding: number;
  ready: number;
  running: number;
}

interface Lane {
  depth: LaneDepth;
  outstanding: number;
  previousReplyAt: number;
  /** FETCHes at Faktory that wait their turn, by when they were written. */
  readonly inbox: { writtenAt: number; arrivedAt: number }[];
  busy: boolean;
  /** It takes no FETCH any more, and ends once those it has are answered. */
  retired: boolean;
}

type Task = () => void;
const WAIT_MS = 2_000;
const BEAT_MS = 1_000;
const SAMPLE_MS = 100;
const TICK_MS = 1_000;
const SPARE_TICKS = 10;

export class Simulation {
  readonly samples: Moment[] = [];
  /** ms that each started job waited for its slot. */
  longestReadyMs = 0;
  started = 0;
  readonly plan: FetchPlan;
  readonly #world: World;
  readonly #heap: { at: number; order: number; task: Task }[] = [];
  readonly #lanes: Lane[] = [];
  readonly #ready: number[] = [];
  readonly #waiting: { lane: Lane; writtenAt: number; timeoutOrder: number }[] = [];
  #order = 0;
  #now = 0;
  #queue: number;
  #running = 0;
  #serverFreeAt = 0;
  #startedBefore = 0;
  #beats: readonly RoundTrip[] = [];
  /** When the process has run all handlers that have begun, and how long it was busy in all. */
  #loopFreeAt = 0;
  #busyMs = 0;
  #spareTicks = 0;
  /** Lanes that were opened since the start. */
  opened = 0;

  constructor(world: World) {
    this.#world = world;
    this.#queue = world.backlog ?? 0;
    this.plan = new FetchPlan(world.slots, world.lead, world.lanes ?? 8);
  }

  run(): this {
    const { seconds, arrivalsPerSecond = 0 } = this.#world;
    for (let i = 0; i < MIN_LANES; i += 1) this.#addLane();
    this.#beat();
    this.#sample();
    this.#later(TICK_MS, () => this.#tick());
    if (arrivalsPerSecond > 0) this.#arrive(1_000 / arrivalsPerSecond);
    this.#refill();
    while (this.#heap.length > 0 && this.#heap[0]!.at <= seconds * 1_000) {
      const { at, task } = this.#pop();
      this.#now = at;
      task();
    }
    return this;
  }

  /** Jobs a second that were started between two moments, in seconds. */
  rate(from: number, to: number): number {
    const window = this.samples.filter(({ at }) => at > from * 1_000 && at <= to * 1_000);
    return (window.reduce((sum, { started }) => sum + started, 0) * 1_000) / (window.length * SAMPLE_MS);
  }

  most(what: 'outstanding' | 'ready', from: number, to: number): number {
    const window = this.samples.filter(({ at }) => at > from * 1_000 && at <= to * 1_000);
    return Math.max(...window.map((moment) => moment[what]));
  }

  get outstanding(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.outstanding, 0);
  }

  get #roundTripMs(): number {
    const { roundTripMs } = this.#world;
    return typeof roundTripMs === 'number' ? roundTripMs : roundTripMs(this.#now);
  }

  #later(ms: number, task: Task): void {
    const heap = this.#heap;
    heap.push({ at: this.#now + ms, order: this.#order++, task });
    let i = heap.length - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(heap[i]!, heap[parent]!)) break;
      [heap[i], heap[parent]] = [heap[parent]!, heap[i]!];
      i = parent;
    }
  }

  #pop(): { at: number; task: Task } {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) {
      heap[0] = last;
      let i = 0;
      for (;;) {
        const left = 2 * i + 1;
        let least = i;
        if (left < heap.length && before(heap[left]!, heap[least]!)) least = left;
        if (left + 1 < heap.length && before(heap[left + 1]!, heap[least]!)) least = left + 1;
        if (least === i) break;
        [heap[i], heap[least]] = [heap[least]!, heap[i]!];
        i = least;
      }
    }
    return top;
  }

  #addLane(): void {
    this.opened += 1;
    this.#lanes.push({
      depth: new LaneDepth(),
      outstanding: 0,
      previousReplyAt: 0,
      inbox: [],
      busy: false,
      retired: false,
    });
  }

  /** As Heartbeat does. */
  #beat(): void {
    const writtenAt = this.#now;
    const busyBefore = this.#busyMs;
    this.#later(this.#roundTripMs, () =>
      this.#whenIdle(() => {
        const ms = likelyMs(this.#beats, this.#now - writtenAt, this.#busyMs - busyBefore);
        this.#beats = withRoundTrip(this.#beats, { at: this.#now, ms });
        this.plan.onRoundTrip(Math.min(...this.#beats.map((beat) => beat.ms)));
      }),
    );
    this.#later(BEAT_MS, () => this.#beat());
  }

  /** Nothing is read while a handler computes. */
  #whenIdle(task: Task): void {
    if (this.#now >= this.#loopFreeAt) task();
    else this.#later(this.#loopFreeAt - this.#now, () => this.#whenIdle(task));
  }

  /** As Fetcher gives up lanes, but that it calls nothing back. */
  #tick(): void {
    this.#later(TICK_MS, () => this.#tick());
    for (const lane of this.#lanes.filter(({ retired, outstanding }) => retired && outstanding === 0))
      this.#lanes.splice(this.#lanes.indexOf(lane), 1);
    const serving = this.#lanes.filter(({ retired }) => !retired);
    const depths = serving.map(({ depth }) => depth.limit);
    const spare = serving.length - lanesNeeded(this.plan.ceiling, depths);
    this.#spareTicks = spare > 0 ? this.#spareTicks + 1 : 0;
    if (this.#spareTicks < SPARE_TICKS) return;
    serving.sort((one, other) => one.depth.limit - other.depth.limit);
    for (const lane of serving.slice(0, spare)) lane.retired = true;
  }

  #sample(): void {
    this.samples.push({
      at: this.#now,
      started: this.started - this.#startedBefore,
      outstanding: this.outstanding,
      ready: this.#ready.length,
      running: this.#running,
    });
    this.#startedBefore = this.started;
    this.#later(SAMPLE_MS, () => this.#sample());
  }

  #arrive(everyMs: number): void {
    this.#queue += 1;
    const first = this.#waiting.shift();
    if (first !== undefined) this.#serve(first.lane, first.writtenAt);
    this.#later(everyMs, () => this.#arrive(everyMs));
  }

  /** As Fetcher does. */
  #refill(): void {
    const { slots, lanes = 8 } = this.#world;
    const state = { running: this.#running, ready: this.#ready.length, outboxFull: false };
    let more = this.plan.wanted(state, this.#now) - this.outstanding;
    let lane = this.#roomiest();
    for (; more > 0 && lane !== undefined; lane = this.#roomiest()) {
      this.#fetch(lane);
      more -= 1;
    }
    const short = more > 0 && lane === undefined;
    const enough = short ? this.#lanes.length + 1 : lanesFor(this.plan.ceiling, lanes);
    while (this.#lanes.length < Math.min(lanes, enough, slots)) this.#addLane();
  }

  #roomiest(): Lane | undefined {
    let best: Lane | undefined;
    for (const lane of this.#lanes) {
      if (lane.retired || lane.outstanding >= lane.depth.limit) continue;
      if (best === undefined || lane.outstanding < best.outstanding) best = lane;
    }
    return best;
  }

  #fetch(lane: Lane): void {
    lane.outstanding += 1;
    const writtenAt = this.#now;
    this.#later(this.#roundTripMs / 2, () => {
      lane.inbox.push({ writtenAt, arrivedAt: this.#now });
      this.#next(lane);
    });
  }

  #next(lane: Lane): void {
    if (lane.busy) return;
    const next = lane.inbox.shift();
    if (next === undefined) return;
    lane.busy = true;
    if (this.#queue > 0) return this.#serve(lane, next.writtenAt);
    const waiting = { lane, writtenAt: next.writtenAt, timeoutOrder: this.#order };
    this.#waiting.push(waiting);
    this.#later(WAIT_MS, () => {
      const at = this.#waiting.indexOf(waiting);
      if (at === -1) return;
      this.#waiting.splice(at, 1);
      this.#answer(lane, next.writtenAt, false);
    });
  }

  #serve(lane: Lane, writtenAt: number): void {
    this.#queue -= 1;
    const { serverPerSecond = 100_000 } = this.#world;
    this.#serverFreeAt = Math.max(this.#serverFreeAt, this.#now) + 1_000 / serverPerSecond;
    this.#later(this.#serverFreeAt - this.#now, () => this.#answer(lane, writtenAt, true));
  }

  #answer(lane: Lane, writtenAt: number, withJob: boolean): void {
    lane.busy = false;
    this.#later(this.#roundTripMs / 2, () => this.#whenIdle(() => this.#onReply(lane, writtenAt, withJob)));
    this.#next(lane);
  }

  #onReply(lane: Lane, writtenAt: number, withJob: boolean): void {
    lane.outstanding -= 1;
    const { previousReplyAt } = lane;
    lane.previousReplyAt = this.#now;
    const roundTripMs = this.plan.roundTripMs;
    const kind = withJob
      ? classifyReply({ now: this.#now, writtenAt, previousReplyAt, roundTripMs })
      : 'empty';
    lane.depth.onReply(kind, this.plan.most);
    this.plan.onReply(kind, this.#now);
    if (withJob) {
      this.#ready.push(this.#now);
      this.#start();
    }
    this.#refill();
  }

  #handlerTime(): number {
    const ms = this.#world.handlerMs(this.started, this.#now);
    if (this.#world.handlersBlock !== true) return ms;
    this.#busyMs += ms;
    this.#loopFreeAt = Math.max(this.#now, this.#loopFreeAt) + ms;
    return this.#loopFreeAt - this.#now;
  }

  #start(): void {
    while (this.#running < this.#world.slots && this.#ready.length > 0) {
      const since = this.#ready.shift()!;
      this.longestReadyMs = Math.max(this.longestReadyMs, this.#now - since);
      this.started += 1;
      this.#running += 1;
      this.plan.onStart(this.#now);
      this.#later(this.#handlerTime(), () => {
        this.#running -= 1;
        this.#start();
        this.#refill();
      });
    }
  }
}

function before(a: { at: number; order: number }, b: { at: number; order: number }): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
