/** Sends FETCHes over the lanes, as far as credits go: which queues each names, and on which lane it goes. */
import type { Credits } from './credits.ts';
import type { FetchLane } from './fetch-lane.ts';
import { opensTo, roomiest, ShortFetches } from './short-fetches.ts';

export interface SendingOptions {
  lanes: () => Iterable<FetchLane>;
  /** The queues of the next FETCH. */
  nextQueues: () => readonly string[];
  credits: Credits;
}

/** How much may be sent. */
export interface Allowance {
  /** FETCHes, beside short ones. */
  fetches: number;
  /** Jobs, whatever brings them. */
  places: number;
  /** Short FETCHes of one kind. */
  mostOfKind: number;
}

/** How often a round asks on for queues that have credit left: a function may rotate through some that have none. */
const TRIES = 8;

export class Sending {
  readonly #options: SendingOptions;
  readonly #short = new ShortFetches();
  /** Outstanding FETCHes beyond what slots can take. */
  #beyond = 0;

  constructor(options: SendingOptions) {
    this.#options = options;
  }

  /** Outstanding FETCHes from which a queue was left out, and that wait for the others' jobs. */
  get short(): number {
    return this.#short.out;
  }

  /** Outstanding FETCHes whose jobs take no slot each. */
  get beyond(): number {
    return this.#beyond;
  }

  /** Sends what is allowed; answers whether the lanes had too little room. */
  send(allowance: Allowance, now: number): boolean {
    if (!this.#options.credits.any)
      return this.#sendPlain(Math.min(allowance.fetches, allowance.places), now);
    const left = { ...allowance };
    let sent: Sent = 'sent';
    while (sent === 'sent' && left.places > 0) {
      const asked = this.#ask((named) => named);
      if (asked === undefined) return false;
      const isWhole = asked.queues.length === asked.named.length;
      sent = isWhole ? this.#sendWhole(asked.queues, left, now) : this.#sendShort(asked, left, now);
      left.places -= 1;
    }
    return sent === 'no lane';
  }

  /** Where no queue has a credit: the way of most workers, for each job. */
  #sendPlain(count: number, now: number): boolean {
    const { lanes, nextQueues } = this.#options;
    for (let more = count; more > 0; more -= 1) {
      const queues = nextQueues();
      if (queues.length === 0) return false;
      const lane = roomiest(lanes(), queues, now);
      if (lane === undefined) return true;
      lane.fetch(queues);
    }
    return false;
  }

  /** Sends so many that name none but these queues, beyond what slots can take; answers as `send`. */
  sendBeyond(count: number, isNamed: (queue: string) => boolean, now: number): boolean {
    const { lanes, credits } = this.#options;
    for (let more = count; more > 0; more -= 1) {
      const asked = this.#ask((named) => named.filter(isNamed));
      if (asked === undefined) return false;
      const lane = roomiest(lanes(), asked.queues, now, this.#openLane);
      if (lane === undefined) return true;
      lane.fetch(asked.queues, credits.charge(asked.queues, this.#onBeyondAnswered), leftOutOf(asked));
      this.#beyond += 1;
    }
    return false;
  }

  readonly #onBeyondAnswered = (): void => {
    this.#beyond -= 1;
  };

  /** All queues of the next FETCH, and those among them that it may name. */
  #ask(chosen: (named: readonly string[]) => readonly string[]): Asked | undefined {
    const { nextQueues, credits } = this.#options;
    for (let tries = TRIES; tries > 0; tries -= 1) {
      const named = nextQueues();
      if (named.length === 0) return undefined;
      const queues = credits.allowed(chosen(named));
      if (queues.length > 0) return { named, queues };
    }
    return undefined;
  }

  #sendWhole(queues: readonly string[], left: Allowance, now: number): Sent {
    if (left.fetches <= 0) return 'enough';
    const { lanes, credits } = this.#options;
    const lane = roomiest(lanes(), queues, now);
    if (lane === undefined) return 'no lane';
    lane.fetch(queues, credits.charge(queues));
    left.fetches -= 1;
    return 'sent';
  }

  #sendShort(asked: Asked, left: Allowance, now: number): Sent {
    const { lanes, credits } = this.#options;
    const { queues } = asked;
    const isNew = credits.namesNew(queues);
    // The last place is for a queue that has its credit back.
    if (left.places <= 1 && !isNew && this.short > 0) return 'enough';
    const leftOut = leftOutOf(asked);
    const kind = this.#short.kindOf(leftOut);
    if (kind.out >= Math.min(kind.depth, left.mostOfKind)) return 'enough';
    const open = this.#openLane;
    let lane = roomiest(lanes(), queues, now, open);
    if (lane === undefined && open !== undefined && opensTo(open, { queues, leftOut, isNew }, now))
      lane = open;
    if (lane === undefined) return isNew ? 'no lane' : 'enough';
    lane.fetch(queues, credits.charge(queues), leftOut, kind);
    return 'sent';
  }

  /** The lane that is kept, where there are several, from short FETCHes: there is always one for a queue's new credit. */
  get #openLane(): FetchLane | undefined {
    if (!this.#options.credits.any) return undefined;
    const serving = [...this.#options.lanes()].filter((lane) => !lane.retired);
    return serving.length > 1 ? serving[0] : undefined;
  }
}

type Sent = 'sent' | 'enough' | 'no lane';

interface Asked {
  named: readonly string[];
  queues: readonly string[];
}

function leftOutOf({ named, queues }: Asked): string[] {
  return named.filter((queue) => !queues.includes(queue));
}
