import {
  type EmbeddedFaktory,
  type EmbeddedOptions,
  type Faults,
  startEmbeddedFaktory,
} from '../embedded/index.ts';
import type { JobPayload } from '../protocol/job.ts';
import { FaktoryClock } from './clock.ts';
import { type DrainOptions, drained } from './drain.ts';
import { type JobFilter, selectJobs } from './jobs.ts';
import { MovableClock } from './movable-clock.ts';

/** All may be left out. */
export type StartFaktoryOptions = Pick<
  EmbeddedOptions,
  'port' | 'password' | 'maxConnections' | 'quirks' | 'intercept'
>;

/** What is due is moved in the same millisecond, where the real one looks every 5 to 60 s. */
const AT_ONCE = { scheduled: 1, retries: 1, reservations: 1, dead: 1, workers: 1 };

/** A Faktory of a test: in its process, in memory, its time and its faults at hand. */
export class TestFaktory implements AsyncDisposable {
  readonly #faktory: EmbeddedFaktory;
  readonly clock: FaktoryClock;
  /** What can be made to go wrong. */
  readonly faults: Faults;

  constructor(faktory: EmbeddedFaktory, clock: MovableClock) {
    this.#faktory = faktory;
    this.clock = new FaktoryClock(clock, faktory);
    this.faults = faktory.faults;
  }

  /** For `new Client({ url })` and `new Worker({ url })`, or FAKTORY_URL; with the password if there is one. */
  get url(): string {
    return this.#faktory.url;
  }

  get port(): number {
    return this.#faktory.port;
  }

  /**
   * The jobs that match, all of them when nothing is asked: those in queues (by name, oldest first), then those that
   * workers hold, then Scheduled, Retries and Dead by time. Copies; millrace's own tokens are left out.
   */
  jobs(filter: JobFilter = {}): JobPayload[] {
    return selectJobs(this.#faktory, filter);
  }

  /**
   * Resolves when all queues are empty and nobody works on a job. Scheduled and Retries are not waited for. Rejects with
   * NOT_DRAINED, saying what was left, after `timeoutMs` (default 4,000).
   */
  drain(options: DrainOptions = {}): Promise<void> {
    return drained(this.#faktory, options);
  }

  /** Ends it with every connection, and forgets all jobs. Safe to call twice. */
  stop(): Promise<void> {
    return this.#faktory.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** Starts a Faktory for a test, on a free port of this machine. Throws PORT_TAKEN when another port was asked for. */
export async function startFaktory(options: StartFaktoryOptions = {}): Promise<TestFaktory> {
  const clock = new MovableClock();
  return new TestFaktory(await startEmbeddedFaktory({ ...options, clock, scans: AT_ONCE }), clock);
}
