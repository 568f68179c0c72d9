/** What can be made to go wrong, for tests. Nothing does until it is asked for, and then it costs a look at a field. */
import { NULL_REPLY } from '../protocol/replies.ts';

/** Wrongs of the real Faktory that this one does not copy, for tests of a client's defences. All off by default. */
export interface Quirks {
  /** A FAIL is answered with an error and its job is gone: when it is sent again, the answer is `Job not found`. */
  lostFail?: boolean;
  /** FETCHes that a closed connection has left behind go on taking jobs, for nobody, until their lease ends. */
  strandsClosed?: boolean;
  /** Quiet and terminate keep jobs only from the first connection of a worker; its others go on getting them. */
  quietFirstConnectionOnly?: boolean;
}

/** What the faults need of the server. */
export interface FaultsHost {
  freeze(): void;
  thaw(): void;
  cut(): void;
}

/** The text that a refused push bears when none is given: to clients, a unique job that Faktory already has. */
const REFUSAL = 'NOTUNIQUE Job has already been enqueued';

/** The switches. Set them while it runs; `clear` puts all of them back. */
export class Faults {
  /** Change them at any time. */
  readonly quirks: Quirks;
  readonly #host: FaultsHost;
  readonly #drops = new Map<string, number>();
  readonly #refused = new Map<string, string>();
  #refusesConnections = false;
  #frozen = false;

  constructor(host: FaultsHost, quirks: Quirks = {}) {
    this.#host = host;
    this.quirks = { ...quirks };
  }

  /**
   * Loses the next `count` replies, of any command or of those of a verb (`'ACK'`): the command is carried out, and its
   * connection ends where the reply would have been. For FETCH only replies with a job count.
   */
  dropReplies(count = 1, verb = ''): void {
    this.#drops.set(verb, (this.#drops.get(verb) ?? 0) + count);
  }

  /** From now on new connections are reset as soon as they are made (`false`: taken again). Old ones go on. */
  refuseConnections(on = true): void {
    this.#refusesConnections = on;
  }

  /** Stands still, as a stopped process does: connections are made, nothing is read and nothing answered. */
  freeze(): void {
    if (this.#frozen) return;
    this.#frozen = true;
    this.#host.freeze();
  }

  /** Goes on after `freeze`; what came meanwhile is answered. */
  thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    this.#host.thaw();
  }

  /** Ends every connection at once. */
  cut(): void {
    this.#host.cut();
  }

  /**
   * Pushes of the jobtype are refused with an error, alone or in a bulk push; `null`: taken again. A text that Faktory
   * uses for a refusal (as the default, `NOTUNIQUE …`) fails the push; any other says nothing of the job, and a client
   * that is careful sends it again.
   */
  refuseJobs(jobtype: string, error: string | null = REFUSAL): void {
    if (error === null) this.#refused.delete(jobtype);
    else this.#refused.set(jobtype, error);
  }

  /** All is well again: every fault and quirk off, thawed. */
  clear(): void {
    this.#drops.clear();
    this.#refused.clear();
    this.#refusesConnections = false;
    for (const name of Object.keys(this.quirks) as (keyof Quirks)[]) delete this.quirks[name];
    this.thaw();
  }

  get frozen(): boolean {
    return this.#frozen;
  }

  get refusesConnections(): boolean {
    return this.#refusesConnections;
  }

  /** Whether this reply to the command is lost; asked once for each. */
  losesReply(line: string, reply: string): boolean {
    if (this.#drops.size === 0 || reply === '' || reply === NULL_REPLY) return false;
    const space = line.indexOf(' ');
    return this.#takeDrop(space === -1 ? line : line.slice(0, space)) || this.#takeDrop('');
  }

  /** Why a push of the jobtype is refused, or undefined. */
  refusalOf(jobtype: string): string | undefined {
    return this.#refused.size === 0 ? undefined : this.#refused.get(jobtype);
  }

  #takeDrop(verb: string): boolean {
    const count = this.#drops.get(verb);
    if (count === undefined) return false;
    if (count > 1) this.#drops.set(verb, count - 1);
    else this.#drops.delete(verb);
    return true;
  }
}
