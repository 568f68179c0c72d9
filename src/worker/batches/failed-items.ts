/**
 * What becomes of a job of which some items failed: copies of it with these alone, then the ACK. One for those that are
 * tried again, and one for those that no retry can mend, which goes to Dead at once.
 */
import type { Failure } from '../../protocol/commands.ts';
import type { EncodedJob, JobPayload } from '../../protocol/job.ts';
import { failureOf } from '../failure.ts';
import { copyOf } from '../hand-back.ts';
import type { HeldJob } from '../held-job.ts';
import type { Kills } from '../kills.ts';
import { endOf, failureAfter, faktoryDelayMs, type Outcome } from '../retry.ts';
import type { Returned, Returner } from '../returner.ts';
import type { FailedItem, ItemsFailed } from './chunked.ts';

export interface FailedItemsOptions {
  returner: Returner;
  kills: Kills;
  outcomeOf: (job: JobPayload, thrown: unknown) => Outcome;
  onDelayed: (job: JobPayload) => void;
  onDead: (job: JobPayload, thrown: unknown, failure: Failure) => void;
  /** Default: `copyOf` of hand-back.ts. */
  copyOf?: typeof copyOf;
}

/** Items that share their fate. */
interface Part {
  readonly job: JobPayload;
  readonly failure: Failure;
  readonly error: unknown;
  readonly copy: EncodedJob;
  readonly isDead: boolean;
}

export class FailedItems {
  readonly #options: FailedItemsOptions;

  constructor(options: FailedItemsOptions) {
    this.#options = options;
  }

  /**
   * `returned` once the copies are stored and the ACK is on its way; after `refused` all of the job is still to be
   * FAILed: what is done of it will run again. Never rejects.
   */
  async add(held: HeldJob, { failed }: ItemsFailed): Promise<Returned> {
    const { returner, kills, onDead, onDelayed } = this.#options;
    let parts: Part[] = [];
    const end = await returner.return(held, () => {
      parts = this.#partsOf(held.job, failed);
      return parts.map(({ copy }) => copy);
    });
    if (end !== 'returned') return end;
    if (parts.some(({ isDead }) => !isDead)) onDelayed(held.job);
    for (const { job: part, failure, error, copy, isDead } of parts) {
      if (!isDead) continue;
      const onKilled = (): void => onDead({ ...part, jid: copy.jid }, error, failure);
      kills.add({ jid: copy.jid, target: 'scheduled', since: performance.now(), onKilled });
    }
    return end;
  }

  /** Each item by its own error; those of one fate together, told by the first error of them. */
  #partsOf(job: JobPayload, failed: readonly FailedItem[]): Part[] {
    const dead: FailedItem[] = [];
    const again: FailedItem[] = [];
    let delayMs = faktoryDelayMs(job);
    for (const each of failed) {
      const outcome = this.#options.outcomeOf(job, each.error);
      if (outcome.kind === 'kill' || endOf(job) === 'dead') dead.push(each);
      else {
        if (outcome.kind === 'delay' && again.length === 0) delayMs = outcome.delayMs;
        again.push(each);
      }
    }
    const parts: Part[] = [];
    if (again.length > 0) parts.push(this.#partOf(job, again, delayMs, false));
    // It must still lie in Scheduled when it is killed.
    if (dead.length > 0) parts.push(this.#partOf(job, dead, faktoryDelayMs(job), true, parts[0]?.copy.jid));
    return parts;
  }

  /** `taken`: the jid of the other part's copy, which is the same once in 65,536 times. */
  #partOf(
    job: JobPayload,
    items: readonly FailedItem[],
    delayMs: number,
    isDead: boolean,
    taken?: string,
  ): Part {
    const { error } = items[0]!;
    const part = { ...job, args: [items.map(({ item }) => item), ...job.args.slice(1)] };
    const failure = failureOf(job.jid, error);
    const now = new Date();
    const history = failureAfter(job, failure, now);
    const at = delayMs > 0 ? { at: new Date(now.getTime() + delayMs) } : {};
    const make = this.#options.copyOf ?? copyOf;
    let copy = make(part, { failure: history, ...at });
    while (copy.jid === taken) copy = make(part, { failure: history, ...at });
    return { job: part, failure, error, copy, isDead };
  }
}
