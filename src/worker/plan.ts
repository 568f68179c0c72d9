/**
 * The plan of fetching: how many FETCHes may be outstanding, in all and on each lane. Pure: numbers in, numbers
 * out. Nothing else decides what is fetched.
 *
 * Wanted = min(free slots + lead, ceiling). The ceiling follows Little's law: what the recent rate needs over
 * a round trip, and a quarter more, so that it follows a rate that grows. At the start, and after each lull, it grows
 * by one a reply instead, while every reply is backlog, and so doubles each round trip as TCP's slow start does; that
 * ends, as BBR's start-up, when the rate has not grown by a quarter for three round trips.
 *
 * The lead is what may be fetched beyond free slots. Left to itself it is the same sum made of the rate at which
 * handlers start: what they will have begun when the next reply can be here. So slow handlers hold little more than
 * their slots, and instant ones as much as the way is long. However it is set, it is bounded by bytes, by a count, and
 * by what was seen: jobs that waited so long for a slot that they were handed back were too many.
 */
import { RateMeter, WINDOW_MS } from './rate-meter.ts';
import { SlotRate } from './slot-rate.ts';

/** Allowed for Faktory's own work on a FETCH, beside the round trip. */
const SERVER_MS = 5;
const HEADROOM = 1.25;
const FLOOR = 2;
/** FETCHes and ready jobs together, however long the way: 200 ms at 40,000 jobs/s needs 8,000. */
const MOST_LEAD = 16_384;
/** What the lead may hold of memory, were each job as large as the largest of late. */
const MOST_LEAD_BYTES = 64 * 1024 * 1024;
/** Round trips without growth that end the start-up. */
const FLAT_ROUNDS = 3;

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

/** One more lane for so many FETCHes: few lanes are a virtue, each can lose a job when Faktory dies. */
const FETCHES_PER_LANE = 8;
export const MIN_LANES = 2;

/** How many lanes carry so many FETCHes, once they are deep. */
export function lanesFor(fetches: number, most: number): number {
  return Math.min(most, Math.max(MIN_LANES, Math.ceil(fetches / FETCHES_PER_LANE)));
}

/** How many of the lanes there are are needed for so many FETCHes, each as deep as it has earned. */
export function lanesNeeded(fetches: number, depths: readonly number[]): number {
  const deepestFirst = [...depths].sort((a, b) => b - a);
  let carried = 0;
  let count = 0;
  while (carried < fetches && count < deepestFirst.length) carried += deepestFirst[count++]!;
  return Math.max(count, lanesFor(fetches, deepestFirst.length));
}

export interface PlanState {
  running: number;
  /** Jobs held that have no slot yet. */
  ready: number;
  /** Whether so many reports are unanswered that no more jobs may be taken. */
  outboxFull: boolean;
}

export class FetchPlan {
  readonly #slots: number;
  readonly #fixedLead: number | undefined;
  readonly #lanes: number;
  /** Jobs that come, and jobs that start. */
  readonly #replies = new RateMeter();
  readonly #starts = new RateMeter();
  readonly #slotRate: SlotRate;
  #started = 0;
  readonly #startUp = new StartUp();
  #ceiling = FLOOR;
  #lead: number;
  /** What the lead may be since jobs were handed back for want of a slot; and the jobs started since. */
  #leadCap = MOST_LEAD;
  #startedSinceCut = 0;
  #roundTripMs = 0;
  #largestBytes = 0;
  /** Jobs that batches may hold and gather: they take no slot each. */
  #batchRoom = 0;

  /**
   * `lead`: jobs that may be held or on their way beyond free slots (WORKER_PREFETCH); 0: a slot is a loop; undefined:
   * as many as the way needs. `lanes`: how many fetch lanes there may be.
   */
  constructor(slots: number, lead?: number, lanes = 8) {
    this.#slots = slots;
    this.#slotRate = new SlotRate(slots);
    this.#fixedLead = lead;
    this.#lead = lead ?? 0;
    this.#lanes = lanes;
  }

  get roundTripMs(): number {
    return this.#roundTripMs;
  }

  /** Jobs a second that come, the best of the last second. */
  rate(now: number): number {
    return this.#replies.perSecond(now);
  }

  /** Jobs that may be held or on their way beyond free slots, just now. */
  get lead(): number {
    return this.#lead;
  }

  /** The most FETCHes that could be of use just now. */
  get most(): number {
    return this.#slots + this.#lead + this.#batchRoom;
  }

  /** So many jobs may be held in batches, or gathered for them. */
  allowBatches(room: number): void {
    this.#batchRoom = room;
  }

  /** How many FETCHes the ceiling allows just now. */
  get ceiling(): number {
    return Math.floor(this.#ceiling);
  }

  onRoundTrip(ms: number): void {
    this.#roundTripMs = ms;
    this.#replies.span(ms);
    this.#starts.span(ms);
  }

  /** A handler starts. */
  onStart(now: number): void {
    this.#started += 1;
    this.#startedSinceCut += 1;
    // Each start shows that there is room for one more than was thought.
    if (this.#leadCap < MOST_LEAD) this.#leadCap += 1;
    if (this.#fixedLead === undefined) this.#starts.add(now);
  }

  /** Jobs were handed back since they waited too long for a slot: the lead is cut to half at most, as TCP's window. */
  onStale(): void {
    this.#leadCap = Math.floor(Math.min(this.#leadCap / 2, this.#lead / 2, this.#startedSinceCut));
    this.#startedSinceCut = 0;
  }

  /** How large a job was. Larger ones than the last count at once, smaller ones slowly. */
  onBytes(bytes: number): void {
    this.#largestBytes = Math.max(bytes, this.#largestBytes * 0.999);
  }

  onReply(reply: ReplyClass, now: number): void {
    if (reply !== 'empty') this.#replies.add(now);
    const needed = this.#needs(this.rate(now));
    if (reply === 'backlog') {
      const grows = this.#startUp.goesOn(this.rate(now), now, this.#roundTripMs + SERVER_MS);
      const ceiling = grows ? Math.max(needed, this.#ceiling + 1) : Math.max(needed, this.#floor);
      this.#ceiling = Math.min(this.most, ceiling);
      return;
    }
    this.#startUp.begin();
    // While jobs do come, one FETCH for each lane: a Faktory that takes long over each looks as if there were none.
    const floor = reply === 'empty' ? Math.min(this.most, FLOOR) : this.#floor;
    this.#ceiling = Math.max(floor, Math.min(this.#ceiling, needed));
  }

  get #floor(): number {
    return Math.min(this.most, this.#lanes);
  }

  /** What a rate needs on its way. */
  #needs(perSecond: number): number {
    return (perSecond * (this.#roundTripMs + SERVER_MS) * HEADROOM) / 1000 + FLOOR;
  }

  /** How many FETCHes may be outstanding in all. */
  wanted({ running, ready, outboxFull }: PlanState, now: number): number {
    if (outboxFull) return 0;
    this.#lead = Math.min(this.#fixedLead ?? this.#autoLead(running, now), this.#leadCap, this.#leadOfBytes);
    const room = this.#slots + this.#lead - running - ready;
    return Math.max(0, Math.min(room, this.ceiling));
  }

  /** How many jobs there is room for, whatever the rate; asked after `wanted`. */
  room({ running, ready, outboxFull }: PlanState): number {
    return outboxFull ? 0 : this.#slots + this.#lead - running - ready;
  }

  /**
   * How many FETCHes may be outstanding in all where those beyond `wanted` name only queues of batch handlers, whose jobs
   * are gathered and take no slot each. The room of batches bounds them, too. None while other jobs wait in plenty: those
   * came with them. Asked after `wanted`.
   */
  wantedOfBatches(state: PlanState & { gathered: number; batchesRunning: number }): number {
    const { running, ready, gathered, batchesRunning, outboxFull } = state;
    // No slot for a batch before other jobs end: another worker may have one.
    const mayStart = running < this.#slots || batchesRunning > 0;
    if (outboxFull || !mayStart || ready > this.#lead || gathered >= this.mostGathered) return 0;
    return this.ceiling;
  }

  /** Jobs that may be gathered for batches, whatever these have room for. */
  get mostGathered(): number {
    return Math.min(MOST_LEAD, this.#leadOfBytes);
  }

  /** By the best rate, so that it follows one that grows, but by no more than the slots can run. */
  #autoLead(running: number, now: number): number {
    this.#slotRate.note(this.#started, running, now);
    // Nothing ends, nothing is fetched ahead: where each job takes an hour it would wait for hours.
    const perSecond = Math.min(this.#starts.perSecond(now), this.#slotRate.perSecond);
    return Math.min(MOST_LEAD, Math.ceil(this.#needs(perSecond) - FLOOR));
  }

  get #leadOfBytes(): number {
    return Math.floor(MOST_LEAD_BYTES / Math.max(1, this.#largestBytes));
  }

  /** Reports that may be unanswered: what the slots and two round trips of jobs need, 50,000 at most. */
  outboxLimit(now: number): number {
    return Math.min(
      50_000,
      this.#slots +
        this.#batchRoom +
        Math.ceil((2 * this.rate(now) * (this.#roundTripMs + SERVER_MS)) / 1000),
    );
  }
}

/** Whether a rate still grows: by a quarter at least within the last three rounds. */
class StartUp {
  #best = 0;
  #flat = 0;
  #roundEndsAt = 0;

  /** From the beginning, after a lull. */
  begin(): void {
    this.#best = 0;
    this.#flat = 0;
  }

  get over(): boolean {
    return this.#flat >= FLAT_ROUNDS;
  }

  goesOn(rate: number, now: number, roundMs: number): boolean {
    if (now < this.#roundEndsAt) return !this.over;
    // A rate is known after a window: shorter rounds would see no growth in it.
    this.#roundEndsAt = now + Math.max(roundMs, WINDOW_MS);
    if (rate > this.#best * HEADROOM) {
      this.#best = rate;
      this.#flat = 0;
    } else this.#flat += 1;
    return !this.over;
  }
}
