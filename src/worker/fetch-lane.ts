import type { Connection, Receiver } from '../connection/connection.ts';
import { fetchCommand } from '../protocol/commands.ts';
import type { JobPayload } from '../protocol/job.ts';
import { BULK, ERROR, NULL, type ReplyKind } from '../protocol/resp.ts';
import type { Charge } from './credits.ts';
import { classifyReply, LaneDepth, type ReplyClass } from './plan.ts';
import type { ShortKind } from './short-fetches.ts';
import { isWakeToken } from './wake.ts';

/** What a lane tells the fetcher; after each it is asked for more. */
export interface FetchLaneEvents {
  /** `writtenAt`: when the FETCH left, where the job's lease begins. */
  onJob(job: JobPayload, writtenAt: number, now: number, charge?: Charge): void;
  onToken(token: JobPayload, writtenAt: number, now: number): void;
  /** A job too large to hold, or no JSON; `head` is how it begins. */
  onUnreadable(head: string, writtenAt: number, now: number): void;
  onReplyClass(reply: ReplyClass, now: number): void;
  /** The reply was an error. */
  onRefused(text: string): void;
  onAnswered(): void;
  /** How large a job was (in UTF-16 units, near enough). */
  onBytes(bytes: number): void;
  roundTripMs(): number;
  mostPerLane(): number;
}

/** After an error reply a lane rests this long: asking at once would be a hot loop. */
const REST_MS = 1_000;
/** A paused wake queue would gather tokens without end. */
const MOST_FRUITLESS = 3;
const NONE: readonly string[] = [];

/** One socket that fetches: several FETCHes on their way, as many as its depth has earned. */
export class FetchLane implements Receiver {
  readonly connection: Connection;
  readonly wakeQueue: string;
  readonly #events: FetchLaneEvents;
  readonly #depth = new LaneDepth();
  readonly #leftOut = new Set<string>();
  #previousReplyAt = 0;
  #restUntil = 0;
  /** Tokens that were pushed for this lane and have not come. */
  #awaited = 0;
  /** How often in a row tokens were pushed for it and others, or nobody, got them. */
  #fruitless = 0;

  constructor(connection: Connection, wakeQueue: string, events: FetchLaneEvents) {
    this.connection = connection;
    this.wakeQueue = wakeQueue;
    this.#events = events;
  }

  get outstanding(): number {
    return this.connection.unanswered;
  }

  /** FETCHes that no token is on its way to. None where tokens do not arrive: its FETCHes are waited out. */
  get uncalled(): number {
    return this.#fruitless >= MOST_FRUITLESS ? 0 : Math.max(0, this.outstanding - this.#awaited);
  }

  /** How many FETCHes it may hold. */
  get depth(): number {
    return this.#depth.limit;
  }

  /** So many tokens were pushed to call its FETCHes back. */
  awaitTokens(count: number): void {
    this.#awaited += count;
  }

  /** How many more FETCHes it may take. */
  room(now: number): number {
    return now < this.#restUntil ? 0 : this.#depth.limit - this.outstanding;
  }

  /** Takes no FETCH any more: it is given up once those it has are back. */
  retire(): void {
    this.#restUntil = Number.POSITIVE_INFINITY;
  }

  get retired(): boolean {
    return this.#restUntil === Number.POSITIVE_INFINITY;
  }

  /** FETCHes beyond the depth that it has earned: of a burst that is over. */
  get spare(): number {
    return this.outstanding - this.#depth.limit;
  }

  /** Queues that FETCHes which are out have left out: what names one of these waits behind them for others' jobs. */
  get leftOut(): ReadonlySet<string> {
    return this.#leftOut;
  }

  /**
   * The wake queue stands first, so that a token ends the wait before any job does. `short`: it is one of those;
   * `leftOut`: the queues that it would have named, had they credit.
   */
  fetch(
    queues: readonly string[],
    charge?: Charge,
    leftOut: readonly string[] = NONE,
    short?: ShortKind,
  ): void {
    for (const queue of leftOut) this.#leftOut.add(queue);
    short?.onSent();
    const isPlain = charge === undefined && short === undefined;
    const receiver = isPlain ? this : new CountedFetch(this, charge, short);
    this.connection.send(fetchCommand([this.wakeQueue, ...queues]), receiver);
  }

  onReply(kind: ReplyKind, text: string, writtenAt: number): void {
    this.take(kind, text, writtenAt);
  }

  /** The reply of a FETCH, what it was charged for, and among which it counts. */
  take(kind: ReplyKind, text: string, writtenAt: number, charge?: Charge, short?: ShortKind): void {
    if (this.#leftOut.size > 0 && this.outstanding === 0) this.#leftOut.clear();
    short?.onAnswered();
    const job = kind === BULK ? parseJob(text) : undefined;
    const now = performance.now();
    if (job === undefined || isWakeToken(job)) charge?.release();
    if (kind === NULL) this.#onNone(now, short);
    else if (kind === ERROR) this.#rest(text, now);
    else if (job === undefined) this.#events.onUnreadable(text, writtenAt, now);
    else if (isWakeToken(job)) this.#onToken(job, writtenAt, now);
    else {
      this.#events.onBytes(text.length);
      this.#onJob(job, writtenAt, now, charge, short);
    }
    this.#previousReplyAt = now;
    this.#events.onAnswered();
  }

  onLost(): void {
    // The fetcher hears of the lane as a whole, and soaks up what the socket has left behind.
  }

  #onNone(now: number, short?: ShortKind): void {
    // None of those that have not come by now will: others were given them, or their queue is paused.
    if (this.#awaited > 0) this.#fruitless += 1;
    this.#awaited = 0;
    this.#tell('empty', now, short);
  }

  /**
   * One that was not pushed for this lane was left over by a worker that stopped while jobs were on their way to it:
   * many may lie there, so they are fetched away as quickly as jobs are.
   */
  #onToken(token: JobPayload, writtenAt: number, now: number): void {
    this.#fruitless = 0;
    if (this.#awaited > 0) this.#awaited -= 1;
    else this.#tell('backlog', now);
    this.#events.onToken(token, writtenAt, now);
  }

  #onJob(job: JobPayload, writtenAt: number, now: number, charge?: Charge, short?: ShortKind): void {
    const previousReplyAt = this.#previousReplyAt;
    this.#tell(
      classifyReply({ now, writtenAt, previousReplyAt, roundTripMs: this.#events.roundTripMs() }),
      now,
      short,
    );
    charge?.keep(job.queue);
    this.#events.onJob(job, writtenAt, now, charge);
  }

  #tell(reply: ReplyClass, now: number, short?: ShortKind): void {
    const most = this.#events.mostPerLane();
    this.#depth.onReply(reply, most);
    short?.onReply(reply, most);
    this.#events.onReplyClass(reply, now);
  }

  #rest(text: string, now: number): void {
    this.#restUntil = Math.max(this.#restUntil, now + REST_MS);
    this.#depth.onReply('empty', 1);
    this.#events.onRefused(text);
  }
}

/** One FETCH that names queues with a credit, or has left some out. */
class CountedFetch implements Receiver {
  readonly #lane: FetchLane;
  readonly #charge: Charge | undefined;
  readonly #short: ShortKind | undefined;

  constructor(lane: FetchLane, charge: Charge | undefined, short: ShortKind | undefined) {
    this.#lane = lane;
    this.#charge = charge;
    this.#short = short;
  }

  onReply(kind: ReplyKind, text: string, writtenAt: number): void {
    this.#lane.take(kind, text, writtenAt, this.#charge, this.#short);
  }

  onLost(): void {
    this.#charge?.release();
    this.#short?.onAnswered();
  }
}

/** The job, if it is one: whatever else a peer may send has no jid to FAIL it by. */
function parseJob(text: string): JobPayload | undefined {
  try {
    const job = JSON.parse(text) as JobPayload | null;
    const isJob =
      typeof job?.jid === 'string' && typeof job.jobtype === 'string' && typeof job.queue === 'string';
    return isJob ? job : undefined;
  } catch {
    return undefined;
  }
}
