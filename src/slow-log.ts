/** Tells of what takes long, and counts it: a line for each kind at most every ten seconds, however many there are. */
import type { Logger } from './logger.ts';

const QUIET_MS = 10_000;

interface Told {
  at: number;
  /** How many were not told since. */
  silent: number;
}

export class SlowLog {
  readonly #logger: Logger;
  /** SLOW_MS; 0: nothing is slow. */
  readonly #slowMs: number;
  readonly #told = new Map<string, Told>();
  readonly counts = { handlers: 0, commands: 0, blocks: 0 };

  #toldOfBlock = false;

  constructor(logger: Logger, slowMs: number) {
    this.#logger = logger;
    this.#slowMs = slowMs > 0 ? slowMs : Number.POSITIVE_INFINITY;
  }

  /** A handler has ended. Returns whether that was slow. */
  handler(job: { jid: string; jobtype: string }, ms: number): boolean {
    if (ms < this.#slowMs) return false;
    this.counts.handlers += 1;
    const { jid, jobtype } = job;
    this.#tell(`handler ${jobtype}`, { jid, jobtype, ms: Math.round(ms) }, 'slow handler');
    return true;
  }

  /** Faktory has answered a command. */
  command(verb: string, ms: number): void {
    if (ms < this.#slowMs) return;
    this.counts.commands += 1;
    this.#tell(
      `command ${verb}`,
      { command: verb, ms: Math.round(ms) },
      'slow command: Faktory or the way to it',
    );
  }

  /** Whether a handler was told of as blocking since this was last asked. */
  takeToldOfBlock(): boolean {
    const told = this.#toldOfBlock;
    this.#toldOfBlock = false;
    return told;
  }

  /**
   * The event loop stood still: nothing was read or sent meanwhile, whatever else ran. Where it is not certain that
   * a handler did it, it may as well have been whoever stopped the process: to it, both look alike.
   */
  block(jobtypes: readonly string[], ms: number, certain: boolean): void {
    this.counts.blocks += 1;
    if (certain) this.#toldOfBlock = true;
    const text = certain
      ? 'a handler blocked the event loop: all jobs of this process stood still'
      : 'the event loop stood still while handlers of these jobtypes ran: one blocked it, or the process was paused (SIGSTOP, suspend, no CPU)';
    this.#tell(`block ${jobtypes[0]}`, { jobtypes, ms: Math.round(ms) }, text);
  }

  #tell(kind: string, fields: object, text: string): void {
    const now = performance.now();
    const told = this.#told.get(kind);
    if (told !== undefined && now - told.at < QUIET_MS) {
      told.silent += 1;
      return;
    }
    this.#told.set(kind, { at: now, silent: 0 });
    const more = told !== undefined && told.silent > 0 ? { more: told.silent } : {};
    this.#logger.warn({ ...fields, ...more }, text);
  }
}
