/**
 * The jobs of one partition that its owner holds, and whose turn it is: the reorder buffer. Pure: it is told the time
 * (ms, monotonic), and does nothing by itself.
 *
 * A job waits until all numbers before its own are done, void or skipped. One whose number is done already is not run
 * again. One that has no number, or whose number was skipped or given up, is *late*: it runs when it comes, between
 * the others. Nothing is ever dropped: what is not sure to be done is run.
 */
import { Away } from './away.ts';
import type { Epoch, Place } from './coordinator.ts';
import { HeldJobs } from './held-jobs.ts';
import {
  addRange,
  before,
  countNumbers,
  hasNumber,
  joinLowest,
  NO_RANGES,
  type Range,
  type Ranges,
  removeNumber,
} from './ranges.ts';
import type { Position } from './stamp.ts';

/**
 * What becomes of a job that is offered: it is held until its turn; or its number is done, and it is to be ACKed
 * without running, once the checkpoint that says so is stored. `instead`: an older delivery of the same number, to be
 * ACKed now that the newer one, whose reservation lasts longer, is held.
 */
export type Offered<J> = { readonly is: 'held'; readonly instead?: J } | { readonly is: 'done' };

/** A job that runs. */
export interface Turn<J> {
  readonly job: J;
  readonly at: Position | undefined;
  readonly late: boolean;
}

/** Numbers that are missing although later ones are there. */
export interface Gap {
  readonly epoch: number;
  readonly missing: Range;
  /** For how long it is waited for already, and still. */
  readonly sinceMs: number;
  readonly leftMs: number;
}

export interface SequenceOptions {
  place: Place;
  epochs: readonly Epoch[];
  /** How long a gap is waited for before it is skipped (`onGap: 'skip'`: a second or so, `'wait'`: as long as a reservation may hold the job). */
  gapWaitMs: number;
  /** Jobs that run at once (default 1). More gives up the order of all but their starts. */
  concurrency?: number;
}

/** Ranges of open numbers that are kept; beyond it the lowest are joined, and what is between them may run twice. */
const MOST_OPEN = 500;

/** How many jobs were not run in their turn, and why. */
export interface SequenceTally {
  /** Jobs that ran late. */
  late: number;
  /** Jobs that were ACKed without running. */
  repeated: number;
  /** Numbers skipped. */
  skipped: number;
  /** Numbers that were void. */
  voided: number;
}

export class Sequence<J> {
  readonly #concurrency: number;
  #gapWaitMs: number;
  #epochs: readonly Epoch[];
  #epoch: Epoch;
  #open: Ranges;
  /** All numbers of the epoch before it are running, finished, void or skipped. */
  #cursor: number;
  readonly #held = new HeldJobs<J>();
  readonly #late = new Map<string, { readonly job: J; readonly at: Position | undefined }>();
  readonly #running = new Map<string, Turn<J>>();
  /** Newer deliveries of what runs: to be ACKed with it, or to take its place. */
  readonly #spare = new Map<string, J>();
  /** Done although a number before them still runs. */
  readonly #finished = new Set<number>();
  #voids: ReadonlyMap<number, Ranges> = new Map();
  readonly #away = new Away();
  /** Kept while nothing is held behind it, too: jobs that wait for long are handed back, and come again. */
  #gap: { readonly cursor: number; readonly since: number } | undefined;
  #offeredAt = Number.NEGATIVE_INFINITY;
  #unnumbered = 0;
  readonly tally: SequenceTally = { late: 0, repeated: 0, skipped: 0, voided: 0 };

  constructor({ place, epochs, gapWaitMs, concurrency = 1 }: SequenceOptions) {
    this.#epoch = { epoch: place.epoch, first: place.first };
    this.#open = place.open;
    this.#cursor = place.next;
    this.#epochs = epochs;
    this.#gapWaitMs = gapWaitMs;
    this.#concurrency = concurrency;
  }

  /** How long gaps are waited for from now on: reservations differ from job to job. */
  set gapWaitMs(ms: number) {
    this.#gapWaitMs = ms;
  }

  /** What a checkpoint has to say. */
  get place(): Place {
    return { ...this.#epoch, next: this.#next, open: this.#open };
  }

  /** Jobs held that do not run. */
  get held(): number {
    return this.#late.size + this.#spare.size + this.#held.size;
  }

  get running(): number {
    return this.#running.size;
  }

  /** Whether a job has come of an epoch that is not known: ask the coordinator, and `learn`. */
  get asksForEpochs(): boolean {
    const newest = this.#epochs.at(-1)?.epoch ?? this.#epoch.epoch;
    return this.#held.reachesBeyond(Math.max(newest, this.#epoch.epoch));
  }

  learn(epochs: readonly Epoch[]): void {
    this.#epochs = epochs;
  }

  /** What the coordinator says of void numbers. */
  learnVoids(voids: ReadonlyMap<number, Ranges>): void {
    this.#voids = voids;
  }

  /** `at`: undefined for a job without a stamp. */
  offer(at: Position | undefined, job: J, now: number): Offered<J> {
    this.#offeredAt = now;
    const id = at === undefined ? `unnumbered ${this.#unnumbered++}` : idOf(at);
    if (this.#running.has(id)) return this.#holdSpare(id, job);
    if (at === undefined) return this.#holdLate(id, at, job);
    const { epoch, number } = at;
    if (epoch > this.#epoch.epoch) return this.#hold(at, job);
    // A tail of an epoch that Redis has forgotten: nobody knows whether it was done.
    if (epoch < this.#epoch.epoch && number >= this.#epoch.first) return this.#holdLate(id, at, job);
    if (hasNumber(this.#open, number)) return this.#holdLate(id, at, job);
    if (number < this.#next || this.#finished.has(number)) {
      this.tally.repeated += 1;
      return { is: 'done' };
    }
    // It came after all, where it was told not to.
    if (number < this.#cursor) return this.#holdLate(id, at, job);
    this.#comeBack(number);
    return this.#hold(at, job);
  }

  /** What the queue has come past although it was put back there is waited for as long as any other. */
  #comeBack(number: number): void {
    const wasAhead = this.#away.isAhead(this.#cursor);
    this.#away.came(number);
    if (wasAhead && !this.#away.isAhead(this.#cursor) && this.#gap !== undefined)
      this.#gap = { ...this.#gap, since: this.#offeredAt };
  }

  /** The job whose turn it is, which runs from now on; undefined while there is none. */
  start(now: number): Turn<J> | undefined {
    if (this.#running.size >= this.#concurrency) return undefined;
    const [late] = this.#late;
    if (late !== undefined) {
      this.#late.delete(late[0]);
      this.tally.late += 1;
      return this.#run(late[0], { ...late[1], late: true });
    }
    this.#advance();
    const at = { epoch: this.#epoch.epoch, number: this.#cursor };
    if (!this.#held.has(at)) {
      this.#watchGap(now);
      return undefined;
    }
    const job = this.#held.take(at)!;
    this.#cursor += 1;
    this.#gap = undefined;
    return this.#run(idOf(at), { job, at, late: false });
  }

  /** Its handler has ended and its number is done. Returns other deliveries of it, to be ACKed as well. */
  done(turn: Turn<J>): J[] {
    const id = this.#end(turn);
    const { at } = turn;
    if (at !== undefined) this.#settle(at);
    const spare = this.#spare.get(id);
    this.#spare.delete(id);
    return spare === undefined ? [] : [spare];
  }

  /** It goes to Dead, and the sequence goes on. Should it ever be requeued from there, it runs again, late. */
  giveUp(turn: Turn<J>): J[] {
    const others = this.done(turn);
    const { at } = turn;
    const isKnown = at?.epoch === this.#epoch.epoch || (at !== undefined && at.number < this.#epoch.first);
    if (isKnown) this.#leaveOpen([at.number, at.number]);
    return others;
  }

  /** It was handed back to Faktory, or its reservation is over: its number is due again, and is waited for. */
  putBack(turn: Turn<J>): void {
    const id = this.#end(turn);
    const { at } = turn;
    const spare = this.#spare.get(id);
    this.#spare.delete(id);
    if (at === undefined) return;
    if (turn.late || at.epoch !== this.#epoch.epoch) {
      if (spare !== undefined) this.#holdLate(id, at, spare);
      return;
    }
    this.#cursor = Math.min(this.#cursor, at.number);
    if (spare !== undefined) this.#held.put(at, spare);
    else this.#away.add(at.number);
  }

  /** Takes a job out that waits for its turn, which is handed back: it will come again. */
  drop(at: Position | undefined, job: J): void {
    for (const [id, late] of this.#late) if (late.job === job) this.#late.delete(id);
    for (const [id, spare] of this.#spare) if (spare === job) this.#spare.delete(id);
    if (at === undefined) return;
    if (this.#held.get(at) !== job) return;
    this.#held.take(at);
    if (at.epoch === this.#epoch.epoch) this.#away.add(at.number);
  }

  /** The gap that keeps jobs from running, if there is one. */
  gap(now: number): Gap | undefined {
    this.#advance();
    const missing = this.#missing();
    if (missing === undefined) return undefined;
    this.#watchGap(now);
    let since = this.#gap!.since;
    // What we put back ourselves lies behind what the queue holds: as long as that flows, it comes.
    if (this.#away.isAhead(missing[0])) since = Math.max(since, this.#offeredAt);
    const leftMs = Math.max(0, since + this.#gapWaitMs - now);
    return { epoch: this.#epoch.epoch, missing, sinceMs: now - this.#gap!.since, leftMs };
  }

  /** Goes on without the missing numbers once they were waited for long enough; who brings one later is run, late. */
  skip(now: number): Gap | undefined {
    const gap = this.gap(now);
    if (gap === undefined || gap.leftMs > 0) return undefined;
    const missing = this.#skippable(gap.missing);
    this.#leaveOpen(missing);
    this.tally.skipped += countNumbers([missing]);
    this.#cursor = missing[1] + 1;
    this.#away.deleteBefore(this.#cursor);
    this.#gap = undefined;
    this.#advance();
    return { ...gap, missing };
  }

  /** What we have put back behind a number that never came is there, and has a wait of its own. */
  #skippable([first, last]: Range): Range {
    const putBack = this.#away.firstFrom(first);
    return putBack === first ? [first, last] : [first, Math.min(last, putBack - 1)];
  }

  /** The lowest number of the epoch that is not done. */
  get #next(): number {
    let next = this.#cursor;
    for (const { at, late } of this.#running.values()) {
      if (!late && at !== undefined && at.epoch === this.#epoch.epoch) next = Math.min(next, at.number);
    }
    return next;
  }

  #run(id: string, turn: Turn<J>): Turn<J> {
    this.#running.set(id, turn);
    return turn;
  }

  #end(turn: Turn<J>): string {
    for (const [id, each] of this.#running) {
      if (each !== turn) continue;
      this.#running.delete(id);
      return id;
    }
    throw new Error('a turn ended that was not running');
  }

  #settle(at: Position): void {
    const isKnown = at.epoch === this.#epoch.epoch || at.number < this.#epoch.first;
    if (isKnown && hasNumber(this.#open, at.number)) this.#open = removeNumber(this.#open, at.number);
    if (at.epoch === this.#epoch.epoch && at.number >= this.#next) this.#finished.add(at.number);
    this.#forgetFinished();
  }

  #forgetFinished(): void {
    const next = this.#next;
    for (const number of this.#finished) if (number < next) this.#finished.delete(number);
  }

  /** Past what is finished, runs, or is void; into the next epoch when this one is over. */
  #advance(): void {
    while (this.#pass() || this.#enterNextEpoch()) {}
    this.#forgetFinished();
  }

  #pass(): boolean {
    const at = { epoch: this.#epoch.epoch, number: this.#cursor };
    const held = this.#held.has(at);
    const isVoid = !held && hasNumber(this.#voids.get(at.epoch) ?? NO_RANGES, at.number);
    if (isVoid) this.tally.voided += 1;
    const isPast = isVoid || (!held && (this.#finished.has(at.number) || this.#running.has(idOf(at))));
    if (!isPast) return false;
    this.#away.delete(this.#cursor);
    this.#cursor += 1;
    this.#gap = undefined;
    return true;
  }

  #enterNextEpoch(): boolean {
    const next = this.#nextEpoch();
    const over = next !== undefined && this.#cursor > this.#lastBefore(next) && this.#running.size === 0;
    if (!over || this.#held.hasOf(this.#epoch.epoch) || !this.#held.reachesBeyond(this.#epoch.epoch))
      return false;
    this.#epoch = next;
    this.#cursor = next.first;
    this.#open = before(this.#open, next.first);
    this.#finished.clear();
    this.#away.clear();
    this.#gap = undefined;
    // Of epochs that were passed over without a job of theirs being here.
    for (const { at, job } of this.#held.takeBefore(next.epoch)) this.#holdLate(idOf(at), at, job);
    return true;
  }

  #nextEpoch(): Epoch | undefined {
    return this.#epochs.find(({ epoch }) => epoch > this.#epoch.epoch);
  }

  /** From the cursor to before what is held next; after `#advance`. */
  #missing(): Range | undefined {
    if (this.#running.size >= this.#concurrency) return undefined;
    const { epoch } = this.#epoch;
    let next = this.#held.lowest(epoch);
    if (next === this.#cursor) return undefined;
    for (const number of this.#finished) if (number > this.#cursor && number < next) next = number;
    if (next !== Number.POSITIVE_INFINITY) return [this.#cursor, next - 1];
    const following = this.#held.reachesBeyond(epoch) ? this.#nextEpoch() : undefined;
    const last = following === undefined ? 0 : this.#lastBefore(following);
    return last < this.#cursor ? undefined : [this.#cursor, last];
  }

  /**
   * The last number of this epoch that is known to come, should `following` be the next one. Redis may have forgotten
   * some that were given, and so begin the next one with a lower number than what we have put back.
   */
  #lastBefore(following: Epoch): number {
    return Math.max(following.first - 1, this.#away.last);
  }

  #watchGap(now: number): void {
    if (this.#gap?.cursor !== this.#cursor && this.#missing() !== undefined)
      this.#gap = { cursor: this.#cursor, since: now };
  }

  #leaveOpen(range: Range): void {
    this.#open = joinLowest(addRange(this.#open, range), MOST_OPEN);
  }

  #hold(at: Position, job: J): Offered<J> {
    return this.#heldInstead(this.#held.put(at, job));
  }

  #holdLate(id: string, at: Position | undefined, job: J): Offered<J> {
    const instead = this.#late.get(id)?.job;
    this.#late.set(id, { job, at });
    return this.#heldInstead(instead);
  }

  #holdSpare(id: string, job: J): Offered<J> {
    const instead = this.#spare.get(id);
    this.#spare.set(id, job);
    return this.#heldInstead(instead);
  }

  #heldInstead(instead: J | undefined): Offered<J> {
    if (instead === undefined) return { is: 'held' };
    this.tally.repeated += 1;
    return { is: 'held', instead };
  }
}

const idOf = ({ epoch, number }: Position): string => `${epoch}:${number}`;
