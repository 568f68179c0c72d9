/**
 * Sends failed jobs to Dead at once, where a retry is pointless: FAIL first, then MUTATE kill by jid. MUTATE scans the
 * whole set under a limit of 5 s, so: at most 10 jids each, one at a time, and only while Retries holds under 20,000
 * (a jid took 0.7 s at 200,000). Otherwise the job's own retries run out, and who waits for it is told so.
 */
import type { Lanes } from '../connection/lanes.ts';
import type { Logger } from '../logger.ts';
import { rawCommand } from '../protocol/commands.ts';
import { ERROR } from '../protocol/resp.ts';

export interface KillsOptions {
  lanes: Lanes;
  logger: Logger;
  /** How many jobs Retries holds; rejects when that cannot be known. */
  retriesSize: () => Promise<number>;
}

interface Doomed {
  readonly jid: string;
  /** The set that it is in. */
  readonly target: 'retries' | 'scheduled';
  /** When Faktory put it there (ms, monotonic). */
  readonly since: number;
  readonly onKilled: () => void;
  /** It is left to its own retries. */
  readonly onLeft?: () => void;
}

/** For a lane that comes back. */
const LANE_WAIT_MS = 10_000;
const MOST_JIDS = 10;
/** A retry comes due 15 s after its FAIL: what is older may run again by now, and MUTATE does not tell. */
const MOST_AGE_MS = 10_000;
const MOST_RETRIES = 20_000;
/** Beyond, they are left to their own retries. */
const MOST_WAITING = 10_000;

export class Kills {
  readonly #options: KillsOptions;
  #waiting: Doomed[] = [];
  #running: Promise<void> | undefined;

  constructor(options: KillsOptions) {
    this.#options = options;
  }

  /** Takes a job that Faktory has put into a set; `onKilled` is called once it is in Dead. */
  add(doomed: Doomed): void {
    if (this.#waiting.length >= MOST_WAITING)
      return this.#leaveAlone([doomed], `${MOST_WAITING} others wait for it`);
    this.#waiting.push(doomed);
    this.#run();
  }

  #leaveAlone(left: readonly Doomed[], why: string): void {
    if (left.length === 0) return;
    const text = `jobs are left to their own retries, not sent to Dead: ${why}`;
    this.#options.logger.warn(
      { jobs: left.length, jids: left.slice(0, MOST_JIDS).map(({ jid }) => jid) },
      text,
    );
    for (const { onLeft } of left) onLeft?.();
  }

  /** Resolves when none is under way. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  #run(): void {
    this.#running ??= this.#killAll().finally(() => {
      this.#running = undefined;
      if (this.#waiting.length > 0) this.#run();
    });
  }

  async #killAll(): Promise<void> {
    // What came in one tick travels together.
    for (let batch = this.#nextBatch(); batch.length > 0; batch = this.#nextBatch()) {
      const size = await this.#options.retriesSize().catch(() => undefined);
      const isOld = ({ since }: Doomed): boolean => performance.now() - since >= MOST_AGE_MS;
      const old = batch.filter(isOld);
      this.#leaveAlone(old, 'their retries may have come due');
      const young = batch.filter((doomed) => !old.includes(doomed));
      if (young.length === 0) continue;
      const whyNot = await this.#kill(young, size);
      if (whyNot !== undefined) this.#leaveAlone(young, whyNot);
      else for (const { onKilled } of young) onKilled();
    }
  }

  /** The next few of one set. */
  #nextBatch(): Doomed[] {
    const target = this.#waiting[0]?.target;
    const other = this.#waiting.findIndex((doomed) => doomed.target !== target);
    return this.#waiting.splice(0, other === -1 ? MOST_JIDS : Math.min(other, MOST_JIDS));
  }

  /** Why it is not done; undefined: it is. A kill is harmless twice, so what got no answer is asked again, once. */
  async #kill(batch: readonly Doomed[], retries: number | undefined): Promise<string | undefined> {
    if (retries === undefined) return 'Faktory does not tell how large Retries is';
    if (retries >= MOST_RETRIES) return `Retries holds ${retries}`;
    const jids = batch.map(({ jid }) => jid);
    const mutation = JSON.stringify({ cmd: 'kill', target: batch[0]!.target, filter: { jids } });
    const command = rawCommand(['MUTATE', mutation]);
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const answer = await this.#ask(command);
      if (answer === 'OK') return undefined;
      if (answer !== undefined) return `Faktory did not do it: ${answer}`;
    }
    return 'Faktory did not answer';
  }

  /** The reply's text; undefined when none came. */
  async #ask(command: string): Promise<string | undefined> {
    const lane = await this.#options.lanes.acquire(LANE_WAIT_MS).catch(() => undefined);
    if (lane === undefined) return undefined;
    return new Promise((resolve) => {
      lane.send(command, {
        onReply: (kind, text) => resolve(kind === ERROR ? text || 'an error' : 'OK'),
        onLost: () => resolve(undefined),
      });
    });
  }
}
