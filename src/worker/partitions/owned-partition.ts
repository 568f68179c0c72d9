/**
 * One partition that this worker owns: what comes of it is put in order, gets a slot when its turn has come, is tried
 * again in place, and is ACKed once the checkpoint is stored.
 */
import type { Coordinator, Epoch } from '../../partitions/coordinator.ts';
import { NO_RANGES } from '../../partitions/ranges.ts';
import { Sequence } from '../../partitions/sequence.ts';
import { comparePositions, type Position, stampOf } from '../../partitions/stamp.ts';
import type { HeldJob } from '../held-job.ts';
import { leaseAge, leaseEnd, type Moment, nowOnBothClocks } from '../lease.ts';
import { Checkpoints, type Ended } from './checkpoints.ts';
import { Gaps, LongestAway } from './gaps.ts';
import { furthest, LookBehind } from './look-behind.ts';
import type { PartitionRulesOfWorker } from './options.ts';
import type { PartitionLease } from './partition-lease.ts';
import { Reach } from './reach.ts';
import type { Surroundings } from './surroundings.ts';
import { LEFT, Turns } from './turns.ts';
import { gapWindowOf, mostWaitMs, windowOf } from './window.ts';

/** Owned, then leaving (nothing new is fetched, what is held is run), then over. */
type State = 'owned' | 'leaving' | 'over';

/** Of what may be held while a number is missing: then those furthest from their turn make room for so many. */
const FULL_SHARE = 0.9;
const ROOM_SHARE = 0.125;
const ASK_EVERY_MS = 1_000;
const NO_EPOCH: Epoch = { epoch: 0, first: 1 };

export class OwnedPartition {
  readonly queue: string;
  /** Of Faktory's: `orders.3`. */
  readonly name: string;
  readonly lease: PartitionLease;
  readonly #rules: PartitionRulesOfWorker;
  readonly #around: Surroundings;
  /** Undefined where owners are fixed. */
  readonly coordinator: Coordinator | undefined;
  readonly #checkpoints: Checkpoints;
  #sequence: Sequence<HeldJob>;
  /** Whether places are kept: not where owners are fixed, nor while the numbers are lost. */
  #isNumbered: boolean;
  #state: State = 'owned';
  /** Held, and not its turn yet; with their positions. */
  readonly #waiting = new Map<HeldJob, Position | undefined>();
  readonly #turns: Turns;
  readonly #away = new LongestAway();
  readonly #lookBehind = new LookBehind();
  #askedAt = Number.NEGATIVE_INFINITY;
  /** Undefined where owners are fixed: there are no numbers. */
  readonly #gaps: Gaps | undefined;
  /** Nothing is started before it is known whether the numbers have begun. */
  #isAsking = false;
  #toBegin: readonly Epoch[] | undefined;
  #late = 0;
  readonly #reach = new Reach(performance.now());

  constructor(options: {
    queue: string;
    name: string;
    lease: PartitionLease;
    coordinator: Coordinator | undefined;
    rules: PartitionRulesOfWorker;
    around: Surroundings;
  }) {
    const { queue, name, lease, coordinator, rules, around } = options;
    this.queue = queue;
    this.name = name;
    this.lease = lease;
    this.coordinator = coordinator;
    this.#rules = rules;
    this.#around = around;
    this.#isNumbered = lease.place !== undefined;
    this.#sequence = this.#newSequence(
      lease.place ?? { ...NO_EPOCH, next: 1, open: NO_RANGES },
      lease.epochs,
    );
    this.#gaps =
      coordinator &&
      new Gaps({
        name,
        number: lease.partition,
        coordinator,
        logger: around.logger,
        onGap: rules.onGap,
        sequence: () => this.#sequence,
        awayMs: () => this.#away.ms,
        isOwned: () => this.#state === 'owned',
        onLooked: () => this.#pump(),
      });
    this.#checkpoints = new Checkpoints({
      lease,
      logger: around.logger,
      pulse: around.pulse,
      isNumbered: () => this.#isNumbered,
      place: () => (this.#isNumbered ? this.#sequence.place : undefined),
      onStored: (ended) => this.#onStored(ended),
      onRefused: ({ jobs }) => {
        for (const held of jobs) if (held.state !== 'settled') around.giveBack(held, LEFT);
        this.#tellRoom();
      },
    });
    this.#turns = new Turns({
      name,
      partition: { queue, number: lease.partition, key: undefined, fence: lease.fence },
      lease,
      around,
      onExhausted: rules.onExhausted,
      checkpoints: this.#checkpoints,
      sequence: () => this.#sequence,
      isOwned: () => this.#state === 'owned',
      forget: (held) => this.#waiting.delete(held),
      onChange: () => {
        this.#pump();
        this.#tellRoom();
      },
    });
  }

  get isLeaving(): boolean {
    return this.#state !== 'owned';
  }

  /** Whether its job could not be done, and the partition waits for it (`onExhausted: 'pause'`). */
  get isPaused(): boolean {
    return this.#turns.isPaused;
  }

  get isOver(): boolean {
    return this.#state === 'over';
  }

  /** Jobs that are held and do not run. */
  get held(): number {
    return this.#waiting.size;
  }

  /** Whether no handler of it runs. */
  get isAtRest(): boolean {
    return this.#turns.isAtRest;
  }

  /** Whether nothing of it is held, and all that was done is stored. */
  get idle(): boolean {
    return this.#waiting.size === 0 && this.#turns.size === 0 && this.#checkpoints.waiting === 0;
  }

  /** Jobs that came again although they were done, and were ACKed without a run. */
  get repeated(): number {
    return this.#sequence.tally.repeated;
  }

  /** Numbered jobs that ran after their turn. */
  get late(): number {
    return this.#late;
  }

  /** Numbers that it went on without. */
  get skipped(): number {
    return this.#gaps?.skipped ?? 0;
  }

  /** How long jobs wait for a missing one; undefined: none does. */
  gapMs(now = performance.now()): number | undefined {
    return this.#isNumbered ? this.#sequence.gap(now)?.sinceMs : undefined;
  }

  /** How many jobs may be held or on their way. */
  get window(): number {
    if (this.#state !== 'owned' || this.#checkpoints.isFull) return 0;
    const window = windowOf({
      handlerMs: this.#turns.handlerMs,
      roundTripMs: this.#around.roundTripMs(),
      reserveMs: this.#away.reserveMs,
      concurrency: this.#rules.concurrency,
    });
    return this.#reach.room({
      window,
      most: this.#gapWindow,
      isStuck: this.#isStuck,
      now: performance.now(),
    });
  }

  get #gapWindow(): number {
    return gapWindowOf(this.#around.largestBytes());
  }

  /** Whether jobs are held, and none that may start. */
  get #isStuck(): boolean {
    return this.#waiting.size > 0 && this.#turns.size < this.#rules.concurrency;
  }

  /** Without numbers, or since they were lost, jobs run as they come. */
  get isNumbered(): boolean {
    return this.#isNumbered;
  }

  /** A job of it has come. */
  take(held: HeldJob, now: Moment): void {
    if (this.#state === 'over' || !this.lease.lives) {
      held.release();
      return this.#around.giveBack(held, LEFT);
    }
    this.#away.add(held.lease.reserveMs, now.steady);
    const stamp = stampOf(held.job.custom);
    if (stamp !== undefined && !this.#isNumbered) this.#ask(now.steady);
    this.#offer(held, this.#isNumbered ? stamp : undefined, now);
    this.#pump();
    if (stamp !== undefined) this.#onCame(stamp, now.steady);
    this.#turnOver(now.steady);
  }

  #offer(held: HeldJob, at: Position | undefined, now: Moment): void {
    const offered = this.#sequence.offer(at, held, now.steady);
    if (offered.is === 'done') {
      held.release();
      this.#checkpoints.add({ at, key: undefined, jobs: [held] });
      return;
    }
    this.#waiting.set(held, at);
    if (offered.instead !== undefined) this.#dropOlder(offered.instead, held);
  }

  /** A job with a number has come where there were none: they may have begun. */
  #ask(now: number): void {
    if (this.coordinator === undefined || now - this.#askedAt < ASK_EVERY_MS) return;
    this.#askedAt = now;
    this.#isAsking = true;
    this.#around.askEpochs(this.name);
  }

  /** An older delivery of what has come again. One under the same jid has no reservation any more. */
  #dropOlder(older: HeldJob, newer: HeldJob): void {
    this.#waiting.delete(older);
    older.release();
    if (older.job.jid === newer.job.jid) older.moveTo('settled');
    else this.#around.ack(older);
  }

  /** Starts what may start by now. */
  #pump(): void {
    if (this.isOver || !this.#mayPump()) return;
    while (!this.isOver && !this.#checkpoints.isFull && this.lease.lives) {
      const turn = this.#sequence.start(performance.now());
      if (turn === undefined) break;
      this.#waiting.delete(turn.job);
      if (turn.late && turn.at !== undefined) this.#late += 1;
      this.#reach.onStart(turn.at, performance.now());
      this.#turns.add(turn);
    }
    if (this.#isNumbered && this.#isStuck) this.#onStuck(performance.now());
    this.#checkpoints.wake();
    if (this.#state !== 'owned') this.#around.onRoom();
  }

  #onStuck(now: number): void {
    this.#gaps?.lookSoon();
    this.#reach.onStuck(this.#sequence.gap(now), this.#waiting.size, now);
  }

  #onStored({ jobs }: Ended): void {
    for (const held of jobs) {
      if (held.state !== 'settled') this.#around.ack(held);
    }
    this.#turns.wake();
    this.#pump();
    this.#tellRoom();
  }

  #tellRoom(): void {
    this.#around.onRoom();
  }

  /** Called once a second. */
  sweep(now: Moment): void {
    if (this.#state === 'over') return;
    this.#giveBackStale(now);
    this.#turns.sweep(now);
    this.#turnOver(now.steady);
    this.#pump();
  }

  #giveBackStale(now: Moment): void {
    const { handlerMs } = this.#turns;
    this.giveBack(({ lease }) => {
      const leaseMs = leaseEnd(lease) - lease.startSteady;
      return leaseAge(lease, now) >= mostWaitMs(leaseMs, handlerMs);
    }, 'it waited too long for its turn');
  }

  #onCame(at: Position, now: number): void {
    if (!this.#lookBehind.isLooking) return;
    const gapMs = this.gapMs(now) ?? 0;
    this.#lookBehind.onCame(at, { now, gapMs, reserveMs: this.#away.reserveMs });
  }

  /** The missing job may lie behind more than may be held: those whose turn is furthest off make room. */
  #turnOver(now: number): void {
    const isFull = this.#waiting.size >= FULL_SHARE * this.#gapWindow;
    const gap = isFull && this.#state === 'owned' && this.#isNumbered ? this.#sequence.gap(now) : undefined;
    if (gap === undefined) return;
    const { epoch, missing } = gap;
    if (!this.#lookBehind.mayTurn({ epoch, number: missing[0] }, now)) return;
    const chosen = new Map(furthest(this.#waiting, ROOM_SHARE * this.#gapWindow));
    const [first] = chosen.values();
    if (first === undefined) return;
    this.#lookBehind.onTurned(first, now);
    this.giveBack((held) => chosen.has(held), 'one before it is missing');
  }

  /** Hands back those that wait for their turn and are chosen: the nearest first, so that it comes first again. */
  giveBack(isChosen: (held: HeldJob) => boolean, reason: string | undefined): void {
    const chosen = [...this.#waiting].filter(([held]) => isChosen(held));
    for (const [held, at] of chosen.sort(([, a], [, b]) => byTurn(a, b))) {
      this.#waiting.delete(held);
      this.#sequence.drop(at, held);
      held.release();
      this.#around.giveBack(held, reason);
    }
    if (chosen.length > 0) this.#tellRoom();
  }

  /** Its numbers, which were lost, have begun anew; empty: they have not. */
  begin(epochs: readonly Epoch[]): void {
    this.#isAsking = false;
    if (epochs.length > 0 && !this.#isNumbered) this.#toBegin = epochs;
    this.#pump();
  }

  /** Once nothing runs that was started without numbers. Whether others may start now. */
  #mayPump(): boolean {
    const latest = this.#toBegin?.at(-1);
    if (latest === undefined) return !this.#isAsking;
    if (this.#turns.size > 0 || this.#checkpoints.waiting > 0) return false;
    this.#sequence = this.#newSequence({ ...latest, next: latest.first, open: NO_RANGES }, this.#toBegin!);
    this.#isNumbered = true;
    this.#toBegin = undefined;
    const held = [...this.#waiting.keys()];
    this.#waiting.clear();
    for (const each of held) this.#offer(each, stampOf(each.job.custom), nowOnBothClocks());
    return true;
  }

  /** Nothing more is fetched; what is held is run, and what cannot be is handed back. */
  leave(): void {
    if (this.#state === 'owned') this.#state = 'leaving';
  }

  /** What is held by a leaving partition and cannot be run, since one before it is missing. */
  giveBackStuck(): void {
    this.#turns.giveBackDelayed();
    if (this.#turns.size > 0) return;
    this.giveBack(() => true, 'its partition goes to another worker');
  }

  /** All that does not run. */
  giveBackAll(): void {
    this.#turns.giveBackDelayed();
    this.giveBack(() => true, undefined);
  }

  /** The lease has ended: what runs hears it, all else is handed back. */
  end(): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#gaps?.close();
    this.giveBack(() => true, LEFT);
    this.#turns.end();
  }

  #newSequence(place: ConstructorParameters<typeof Sequence>[0]['place'], epochs: readonly Epoch[]) {
    const { concurrency } = this.#rules;
    return new Sequence<HeldJob>({ place, epochs, gapWaitMs: this.#away.ms, concurrency });
  }
}

/** Those without a number run first. */
function byTurn(a: Position | undefined, b: Position | undefined): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  return comparePositions(a, b);
}
