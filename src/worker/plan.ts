/**
 * The plan of fetching: how many FETCHes may be outstanding, in all and on each lane. Pure: numbers in, numbers
 * out. Nothing else decides what is fetched.
 *
 * Wanted = min(free slots + lead, credit, ceiling). The ceiling follows Little's law: what the recent rate needs
 * over a round trip, and a quarter more; while every reply is backlog it grows by one a reply, so it doubles each
 * round trip, as TCP's slow start does.
 */

/** Allowed for Faktory's own work on a FETCH, beside the round trip. */
const SERVER_MS = 5;
const HEADROOM = 1.25;
const FLOOR = 2;

/**
 * `backlog`: the job lay there. `waited`: the FETCH had to wait for one to come. `empty`: none came in two
 * seconds.
 */
export type ReplyClass = 'backlog' | 'waited' | 'empty';

/** A reply is backlog when it came within a round trip (and Faktory's own time) of the moment it could first. */
export function classifyReply(reply: {
  now: number;
  writtenAt: number;
  /** When the same lane's reply before it came: Faktory answers a lane's commands one after another. */
  previousReplyAt: number;
  roundTripMs: number;
}): 'backlog' | 'waited' {
  const since = Math.max(reply.writtenAt, reply.previousReplyAt);
  return reply.now - since <= reply.roundTripMs + SERVER_MS ? 'backlog' : 'waited';
}

/** How many FETCHes one lane may hold: what a lost socket can strand, so it is earned reply by reply. */
export class LaneDepth {
  #limit = 1;

  get limit(): number {
    return this.#limit;
  }

  onReply(reply: ReplyClass, most: number): void {
    if (reply === 'backlog') this.#limit = Math.min(most, this.#limit + 1);
    else if (reply === 'waited') this.#limit = Math.max(1, this.#limit >> 1);
    else this.#limit = 1;
  }
}

export interface PlanState {
  running: number;
  /** Jobs held that have no slot yet. */
  ready: number;
  /** FETCHes that the narrowest credit of the queues named still allows; Infinity where there is none. */
  credit: number;
  /** Whether so many reports are unanswered that no more jobs may be taken. */
  outboxFull: boolean;
}

export class FetchPlan {
  readonly #slots: number;
  readonly #lead: number;
  readonly #rate = new RateMeter();
  readonly #lanes: number;
  #ceiling = FLOOR;
  #roundTripMs = 0;

  /**
   * `lead`: jobs that may be held or on their way beyond free slots (WORKER_PREFETCH); 0: a slot is a loop. `lanes`:
   * how many fetch lanes there may be.
   */
  constructor(slots: number, lead: number, lanes = 8) {
    this.#slots = slots;
    this.#lead = lead;
    this.#lanes = lanes;
  }

  get roundTripMs(): number {
    return this.#roundTripMs;
  }

  /** Jobs a second, the best of the last second. */
  rate(now: number): number {
    return this.#rate.perSecond(now);
  }

  /** The most FETCHes that could ever be of use. */
  get most(): number {
    return this.#slots + this.#lead;
  }

  /** How many FETCHes the ceiling allows just now. */
  get ceiling(): number {
    return Math.floor(this.#ceiling);
  }

  onRoundTrip(ms: number): void {
    this.#roundTripMs = ms;
  }

  onReply(reply: ReplyClass, now: number): void {
    if (reply !== 'empty') this.#rate.add(now);
    if (reply === 'backlog') {
      this.#ceiling = Math.min(this.most, this.#ceiling + 1);
      return;
    }
    // While jobs do come, one FETCH for each lane: a Faktory that takes long over each looks as if there were none.
    const floor = Math.min(this.most, reply === 'empty' ? FLOOR : this.#lanes);
    const needed = (this.rate(now) * (this.#roundTripMs + SERVER_MS) * HEADROOM) / 1000 + FLOOR;
    this.#ceiling = Math.max(floor, Math.min(this.#ceiling, needed));
  }

  /** How many FETCHes may be outstanding in all. */
  wanted({ running, ready, credit, outboxFull }: PlanState): number {
    if (outboxFull) return 0;
    const room = this.most - running - ready;
    return Math.max(0, Math.min(room, credit, this.ceiling));
  }

  /** Reports that may be unanswered: what the slots and two round trips of jobs need, 50,000 at most. */
  outboxLimit(now: number): number {
    return Math.min(
      50_000,
      this.#slots + Math.ceil((2 * this.rate(now) * (this.#roundTripMs + SERVER_MS)) / 1000),
    );
  }
}

const WINDOW_MS = 100;
const WINDOWS = 10;

/** Jobs a second: the best of the last ten windows of 100 ms, so that a pause does not look like a slow server. */
export class RateMeter {
  readonly #rates = new Array<number>(WINDOWS).fill(0);
  #at = 0;
  #windowStart = 0;
  #count = 0;

  add(now: number): void {
    this.#roll(now);
    this.#count += 1;
  }

  perSecond(now: number): number {
    this.#roll(now);
    let best = 0;
    for (const rate of this.#rates) if (rate > best) best = rate;
    return best;
  }

  #roll(now: number): void {
    const elapsed = now - this.#windowStart;
    if (elapsed < WINDOW_MS) return;
    const passed = Math.min(WINDOWS, Math.floor(elapsed / WINDOW_MS));
    this.#push(passed === 1 ? (this.#count * 1000) / elapsed : (this.#count * 1000) / WINDOW_MS);
    for (let i = 1; i < passed; i += 1) this.#push(0);
    this.#windowStart = now;
    this.#count = 0;
  }

  #push(rate: number): void {
    this.#rates[this.#at] = rate;
    this.#at = (this.#at + 1) % WINDOWS;
  }
}
