/**
 * The breakers of a worker, per jobtype (`register(…, { breaker })`) and per queue (`breakers` of the worker): what they
 * say becomes the credits of queues. Where a jobtype trips, it is the queues that its failures came from that are not
 * fetched; so a jobtype with a breaker belongs in a queue of its own.
 */
import type { Logger } from '../logger.ts';
import type { JobPayload } from '../protocol/job.ts';
import { Breaker, type BreakerOptions, type BreakerState } from './breaker.ts';
import type { Credits } from './credits.ts';

/** `jobtype import`, `queue imports`. */
export interface BreakerReport {
  name: string;
  state: BreakerState;
  queues: string[];
}

interface Guard {
  readonly name: string;
  readonly breaker: Breaker;
  /** What is not fetched while it is open. */
  readonly queues: Set<string>;
}

const CREDITS: Record<BreakerState, number> = {
  closed: Number.POSITIVE_INFINITY,
  'half-open': 1,
  open: 0,
};

export class Breakers {
  readonly #credits: Credits;
  readonly #logger: Logger;
  readonly #byJobtype = new Map<string, Guard>();
  readonly #byQueue = new Map<string, Guard>();
  readonly #all: Guard[] = [];
  /** The queues that one of them holds at a credit of 0. */
  readonly #open = new Set<string>();
  readonly #onOpen: () => void;
  /** Jobtypes seen in the queues of a jobtype's breaker, told when they have to wait with it. */
  readonly #seen = new Map<string, Set<string>>();

  /** `onOpen`: a queue is not fetched from now on; what was fetched of it, or is on its way, is for the owner to end. */
  constructor(credits: Credits, logger: Logger, onOpen: () => void = () => {}) {
    this.#credits = credits;
    this.#logger = logger;
    this.#onOpen = onOpen;
  }

  forJobtype(jobtype: string, options: BreakerOptions): void {
    this.#add(this.#byJobtype, jobtype, `jobtype ${jobtype}`, new Set(), options);
  }

  forQueue(queue: string, options: BreakerOptions): void {
    this.#add(this.#byQueue, queue, `queue ${queue}`, new Set([queue]), options);
  }

  /** The jobtype has no breaker any more: what its one held is fetched again. */
  remove(jobtype: string): void {
    this.#drop(this.#byJobtype, jobtype);
  }

  #add(into: Map<string, Guard>, key: string, name: string, queues: Set<string>, options: BreakerOptions) {
    this.#drop(into, key);
    const guard: Guard = { name, breaker: new Breaker(options), queues };
    into.set(key, guard);
    this.#all.push(guard);
  }

  #drop(from: Map<string, Guard>, key: string): void {
    const guard = from.get(key);
    if (guard === undefined) return;
    from.delete(key);
    this.#all.splice(this.#all.indexOf(guard), 1);
    this.#apply(guard.queues);
  }

  /** Whether nothing of the queue may be started: asked for each job that comes. */
  isOpen(queue: string): boolean {
    return this.#open.size > 0 && this.#open.has(queue);
  }

  get states(): BreakerReport[] {
    return this.#all.map(({ name, breaker, queues }) => ({
      name,
      state: breaker.state,
      queues: [...queues],
    }));
  }

  /** A job that began at `startedAt` has ended well, or has failed in a way that others may, too. */
  record({ jobtype, queue }: JobPayload, succeeded: boolean, now: number, startedAt: number = now): void {
    if (this.#all.length === 0) return;
    this.#note(jobtype, queue);
    const ofJobtype = this.#byJobtype.get(jobtype);
    if (ofJobtype !== undefined) {
      if (!succeeded) this.#widen(ofJobtype, queue);
      if (ofJobtype.breaker.record(succeeded, now, startedAt)) this.#changed(ofJobtype, now);
    }
    const ofQueue = this.#byQueue.get(queue);
    if (ofQueue?.breaker.record(succeeded, now, startedAt)) this.#changed(ofQueue, now);
  }

  /** Called once a second. */
  tick(now: number): void {
    for (const guard of this.#all) if (guard.breaker.tick(now)) this.#changed(guard, now);
  }

  #note(jobtype: string, queue: string): void {
    const seen = this.#seen.get(queue);
    if (seen === undefined) this.#seen.set(queue, new Set([jobtype]));
    else if (seen.size < 10) seen.add(jobtype);
  }

  /** Its failures come from this queue, too; one that is not closed holds it at once. */
  #widen({ breaker, queues }: Guard, queue: string): void {
    if (queues.has(queue)) return;
    queues.add(queue);
    if (breaker.state !== 'closed') this.#apply([queue]);
  }

  #changed({ name, breaker, queues }: Guard, now: number): void {
    this.#apply(queues);
    const fields = { breaker: name, queues: [...queues] };
    switch (breaker.state) {
      case 'open': {
        const jobtypes = [...new Set([...queues].flatMap((queue) => [...(this.#seen.get(queue) ?? [])]))];
        const pauseMs = Math.round(breaker.openForMs(now));
        const text = `circuit breaker open: these queues are not fetched for ${pauseMs} ms`;
        return this.#logger.warn({ ...fields, jobtypes, pauseMs }, text);
      }
      case 'half-open':
        return this.#logger.info(fields, 'circuit breaker half-open: one job at a time is tried');
      case 'closed':
        return this.#logger.info(fields, 'circuit breaker closed: fetching as before');
      default:
        breaker.state satisfies never;
    }
  }

  /** Each queue gets the credit of the narrowest of the breakers that hold it. */
  #apply(queues: Iterable<string>): void {
    let opened = false;
    for (const queue of queues) {
      const holding = this.#all.filter((guard) => guard.queues.has(queue));
      const least = Math.min(...holding.map(({ breaker }) => CREDITS[breaker.state]));
      this.#credits.limit(queue, Number.isFinite(least) ? least : undefined);
      if (least > 0) this.#open.delete(queue);
      else if (!this.#open.has(queue)) {
        this.#open.add(queue);
        opened = true;
      }
    }
    if (opened) this.#onOpen();
  }
}
