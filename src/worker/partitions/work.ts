import type { Turn } from '../../partitions/sequence.ts';
import type { HeldJob } from '../held-job.ts';

/** What has become of a turn; `gone`: its job was handed back, or its reservation is over. */
type Outcome = 'done' | 'failed' | 'gone';

/** A job whose turn it is, through all its tries here. */
export class Work {
  readonly turn: Turn<HeldJob>;
  readonly key: string | undefined;
  /** Of the try that is under way; the first one's is the turn's. */
  held: HeldJob;
  /** Whether its handler has been called, and runs. */
  isRunning = false;
  outcome: Outcome | undefined;
  thrown: unknown;
  /** Until its next try, or until its handler is thought never to end. */
  timer: NodeJS.Timeout | undefined;
  /** When that try begins (ms, monotonic). */
  startsAt = 0;

  constructor(turn: Turn<HeldJob>, key: string | undefined) {
    this.turn = turn;
    this.key = key;
    this.held = turn.job;
  }

  /** The same job once more. */
  begin(held: HeldJob): void {
    this.held = held;
    this.outcome = undefined;
    this.thrown = undefined;
  }

  /** The first outcome counts. */
  end(outcome: Outcome, thrown?: unknown): void {
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    this.thrown = thrown;
  }
}
