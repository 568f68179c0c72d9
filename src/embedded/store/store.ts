/**
 * Everything that the embedded Faktory keeps. A job's way: admitted → (Scheduled →) its queue → Working → gone by an
 * ACK, or by a FAIL to Retries (→ its queue again) or Dead.
 */
import type { Clock } from '../clock.ts';
import type { JobRecord } from '../job/record.ts';
import { formatTime, parseTime } from '../job/times.ts';
import type { Scheduler } from '../scheduler.ts';
import { type FailReport, fateOf, RESERVATION_EXPIRED, recordFailure, retryDelayS } from './failure.ts';
import { Queues } from './queues.ts';
import { recordOf, type StoredJob, storeJob } from './stored-job.ts';
import { TimedSet } from './timed-set.ts';
import { type Waiter, Waiters } from './waiters.ts';
import { Working } from './working.ts';

const DEAD_TTL_MS = 180 * 24 * 3600 * 1000;

/** How often what is due by time is looked for, in ms. */
export interface ScanIntervals {
  scheduled: number;
  retries: number;
  reservations: number;
  dead: number;
  workers: number;
}

/** As Faktory's own. */
export const FAKTORY_SCANS: ScanIntervals = {
  scheduled: 5000,
  retries: 5000,
  reservations: 15_000,
  dead: 60_000,
  workers: 15_000,
};

/** Where a job is. */
export type JobState = 'enqueued' | 'working' | 'scheduled' | 'retries' | 'dead';

/** A job that is held, and where. */
export interface KeptJob {
  readonly state: JobState;
  readonly job: StoredJob;
}

/** A job that is ready to be taken in: for its queue, or, when `at` is not 0, for Scheduled. */
export interface Admission {
  readonly job: StoredJob;
  readonly at: number;
}

export class Store {
  readonly queues = new Queues();
  readonly waiters: Waiters;
  readonly working: Working;
  readonly scheduled: TimedSet;
  readonly retries: TimedSet;
  readonly dead: TimedSet;
  processed = 0;
  failures = 0;
  readonly #clock: Clock;

  constructor(clock: Clock, scheduler: Scheduler, scans: ScanIntervals) {
    this.#clock = clock;
    const enqueueAgain = (job: StoredJob): void => {
      this.enqueue(storeJob({ ...recordOf(job), enqueued_at: formatTime(clock.now()) }));
    };
    this.waiters = new Waiters(scheduler);
    this.working = new Working(scans.reservations, scheduler.wake, (job) =>
      this.#failed(job, RESERVATION_EXPIRED),
    );
    this.scheduled = new TimedSet(scans.scheduled, scheduler.wake, enqueueAgain);
    this.retries = new TimedSet(scans.retries, scheduler.wake, enqueueAgain);
    this.dead = new TimedSet(scans.dead, scheduler.wake, () => {});
    for (const work of [this.working, this.scheduled, this.retries, this.dead]) scheduler.add(work);
  }

  /** Fills in and writes a job that was checked, for `admit`; throws JsonError for what cannot be written. */
  prepare(record: JobRecord): Admission {
    const now = this.#clock.now();
    if (record.created_at === '') record.created_at = formatTime(now);
    record.queue = record.queue === '' ? 'default' : this.queues.nameOf(record.queue);
    const at = record.at === '' ? 0 : (parseTime(record.at) ?? 0);
    const later = at > now;
    record.enqueued_at = later ? '' : formatTime(now);
    return { job: storeJob(record), at: later ? at : 0 };
  }

  /** Takes in a job: into Scheduled when its time is to come, else into its queue. */
  admit({ job, at }: Admission): void {
    if (at === 0) this.enqueue(job);
    else this.scheduled.add(at, job);
  }

  /** Puts a job at the end of its queue as it is, or hands it to the FETCH that waits longest. */
  enqueue(job: StoredJob): void {
    const queue = this.queues.open(job.queue);
    const waiter = this.waiters.takeFirst(job.queue);
    if (waiter === undefined) {
      queue.jobs.push(job);
      return;
    }
    this.working.reserve(job, this.#clock.now());
    waiter.onJob(job);
  }

  /** Reserves the next job of the queues, named in order of preference. */
  fetch(queues: readonly string[]): StoredJob | undefined {
    const job = this.queues.take(queues);
    if (job !== undefined) this.working.reserve(job, this.#clock.now());
    return job;
  }

  /** Has `waiter` wait for a job of the queues, but of those paused now. */
  wait(waiter: Waiter, queues: readonly string[]): void {
    const open = queues.filter((name) => !this.queues.isPaused(name));
    this.waiters.add(waiter, open, this.#clock.now());
  }

  /** The job is done; a jid that nobody holds is none of our business. */
  ack(jid: string): void {
    if (this.working.release(jid) !== undefined || this.working.releaseFlushed(jid)) this.processed += 1;
  }

  /** False when nobody holds the jid. What FLUSH has made forgotten is not tried again, nor counted. */
  fail(jid: string, report: FailReport): boolean {
    const job = this.working.release(jid);
    if (job === undefined) return this.working.releaseFlushed(jid);
    this.#failed(job, report);
    return true;
  }

  *jobs(): IterableIterator<KeptJob> {
    for (const name of this.queues.names) {
      for (const job of this.queues.get(name)!.jobs) yield { state: 'enqueued', job };
    }
    for (const state of ['working', 'scheduled', 'retries', 'dead'] as const) {
      for (const job of this[state]) yield { state, job };
    }
  }

  isIdle(leftOut: (queue: string) => boolean): boolean {
    for (const job of this.working) if (!leftOut(job.queue)) return false;
    for (const queue of this.queues) if (queue.jobs.size > 0 && !leftOut(queue.name)) return false;
    return true;
  }

  bury(job: StoredJob): void {
    this.dead.add(this.#clock.now() + DEAD_TTL_MS, job);
  }

  /** Forgets all jobs and totals. Names of queues and their pauses stay. */
  flush(): void {
    this.queues.flush();
    this.working.flush();
    for (const set of [this.scheduled, this.retries, this.dead]) set.clear();
    this.processed = 0;
    this.failures = 0;
  }

  #failed(job: StoredJob, report: FailReport): void {
    this.failures += 1;
    this.processed += 1;
    const now = this.#clock.now();
    const record = recordOf(job);
    const failure = recordFailure(record, report, now);
    record.failure = failure;
    switch (fateOf(record)) {
      case 'discarded':
        return;
      case 'dead':
        this.bury(storeJob(record));
        return;
      case 'retries': {
        const next = now + retryDelayS(failure.retry_count, Math.random()) * 1000;
        failure.next_at = formatTime(next);
        this.retries.add(next, storeJob(record));
      }
    }
  }
}
