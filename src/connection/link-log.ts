import type { MillraceError } from '../errors.ts';
import type { Logger } from '../logger.ts';

const REMIND_AFTER_MS = 60_000;

/**
 * Tells of a link that fails: each new reason once, the same one again each minute, and that it is back. Lanes
 * fail by the dozen and try for hours; nobody wants a line for each.
 */
export class LinkLog {
  readonly #logger: Logger;
  #told: string | undefined;
  #toldAt = 0;
  #bugToldAt = Number.NEGATIVE_INFINITY;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  fault(error: MillraceError): void {
    const now = performance.now();
    if (error.code === 'INTERNAL') return this.#bug(error, now);
    if (this.#told === error.message && now - this.#toldAt < REMIND_AFTER_MS) return;
    this.#told = error.message;
    this.#toldAt = now;
    this.#logger.warn({ code: error.code }, `${error.message}; trying again`);
  }

  /** The link is well, we are not. It may come with every reply. */
  #bug(error: MillraceError, now: number): void {
    if (now - this.#bugToldAt < REMIND_AFTER_MS) return;
    this.#bugToldAt = now;
    const { cause } = error;
    this.#logger.error(
      { code: error.code, stack: (cause instanceof Error && cause.stack) || '' },
      error.message,
    );
  }

  /** Faktory answers (again). */
  up(where: string): void {
    if (this.#told === undefined) return;
    this.#told = undefined;
    this.#logger.info({}, `connected to ${where} again`);
  }
}
