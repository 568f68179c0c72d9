/**
 * Sends failed jobs to Dead at once, where a retry is pointless: FAIL first, then MUTATE kill by jid. MUTATE scans the
 * whole set under a limit of 5 s, so: at most 10 jids each, one at a time, and only while Retries holds under 20,000
 * (a jid took 0.7 s at 200,000). Otherwise the job's own retries run out.
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
  readonly onKilled: () => void;
}

/** For a lane that comes back. */
const LANE_WAIT_MS = 10_000;
const MOST_JIDS = 10;
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

  /** Takes a job that Faktory has put into Retries; `onKilled` is called once it is in Dead. */
  add(jid: string, onKilled: () => void): void {
    if (this.#waiting.length >= MOST_WAITING) return;
    this.#waiting.push({ jid, onKilled });
    this.#run();
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
    const { logger } = this.#options;
    const size = await this.#options.retriesSize().catch(() => undefined);
    // One tick's worth of jobs travels together.
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MOST_JIDS);
      if (size === undefined || size >= MOST_RETRIES) {
        const why =
          size === undefined ? 'Faktory does not tell how large Retries is' : `Retries holds ${size}`;
        logger.warn({ jobs: batch.length }, `jobs are left to their own retries, not sent to Dead: ${why}`);
      } else if (await this.#kill(batch.map(({ jid }) => jid))) {
        for (const { onKilled } of batch) onKilled();
      }
    }
  }

  /** Whether it is done. A kill is harmless twice, so what got no answer is asked again, once. */
  async #kill(jids: string[]): Promise<boolean> {
    const mutation = JSON.stringify({ cmd: 'kill', target: 'retries', filter: { jids } });
    const command = rawCommand(['MUTATE', mutation]);
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const answer = await this.#ask(command);
      if (answer === 'OK') return true;
      if (answer === undefined) continue;
      this.#options.logger.warn({ jids }, `Faktory did not send jobs to Dead, they are retried: ${answer}`);
      return false;
    }
    return false;
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
