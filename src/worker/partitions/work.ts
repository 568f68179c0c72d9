import type { Turn } from '../../partitions/sequence.ts';
import type { JobFailure } from '../../protocol/job.ts';
import { leftOf } from '../batches/chunked.ts';
import { HeldJob } from '../held-job.ts';

/** What has become of a turn; `gone`: its job was handed back, or its reservation is over. */
type Outcome = 'done' | 'failed' | 'gone';

/** It waits for its slot, for its time, or for what ended before it; its handler has been called; it is on its way to Dead. */
type State = 'waiting' | 'running' | 'exhausted';

/** A job whose turn it is, through all its tries here. */
export class Work {
  readonly turn: Turn<HeldJob>;
  readonly key: string | undefined;
  /** Of the try that is under way; the first one's is the turn's. */
  held: HeldJob;
  #state: State = 'waiting';
  outcome: Outcome | undefined;
  thrown: unknown;
  /** Until its next try, or until its handler is thought never to end. */
  timer: NodeJS.Timeout | undefined;
  /** When that try begins, not before (ms, monotonic). */
  startsAt = 0;

  constructor(turn: Turn<HeldJob>, key: string | undefined) {
    this.turn = turn;
    this.key = key;
    this.held = turn.job;
  }

  get state(): State {
    return this.#state;
  }

  get isRunning(): boolean {
    return this.#state === 'running';
  }

  /** Its handler is called. */
  start(): void {
    this.#state = 'running';
  }

  /** Its handler runs no longer. */
  rest(): void {
    this.#state = 'waiting';
    this.stopTimer();
  }

  /** The same job once more, of a chunk what is left, with what has failed by now. Returns it as it is held from now on. */
  begin(failure: JobFailure): HeldJob {
    const { job, lease, keeper, charge } = this.held;
    this.held.moveTo('settled');
    this.#hold(new HeldJob({ ...leftOf(job, this.thrown), failure }, lease, performance.now(), charge));
    this.held.keeper = keeper;
    return this.held;
  }

  /**
   * No try is left: returned is what is to be sent to Dead, as Faktory has it, which knows nothing of the tries here; of a
   * chunk what is left.
   */
  exhaust(): HeldJob {
    this.held.moveTo('settled');
    const { args } = leftOf(this.held.job, this.thrown);
    this.#hold(new HeldJob({ ...this.turn.job.job, args }, this.held.lease, performance.now()));
    this.#state = 'exhausted';
    return this.held;
  }

  #hold(held: HeldJob): void {
    this.held = held;
    this.outcome = undefined;
    this.thrown = undefined;
  }

  stopTimer(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /** The first outcome counts. */
  end(outcome: Outcome, thrown?: unknown): void {
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    this.thrown = thrown;
  }
}
