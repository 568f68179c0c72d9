/** A command that runs until it is told to end: its parts, the signals, the exit code. */
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { onSignals, type SignalActions } from '../signals.ts';

export interface RunningOptions {
  logger: Logger;
  /** The end is not waited for any longer than this. */
  limitMs: number;
  /** Exit code then (default 1). */
  limitExitCode?: number;
  /** What SIGTSTP does, if anything. */
  quiet?: (() => void) | undefined;
  /** Who tells of the signals, where it is not the system (default `onSignals`). */
  onSignals?: (actions: SignalActions) => void;
}

/** It runs (running), stops its parts (ending), and then the process is gone. */
type State = 'running' | 'ending';

export class Running {
  readonly #options: RunningOptions;
  readonly #parts: (() => Promise<void>)[] = [];
  readonly #shown: (() => void)[] = [];
  #state: State = 'running';
  #failed = false;

  /** Signals are heard from now on, while parts are still starting too. */
  constructor(options: RunningOptions) {
    this.#options = options;
    (options.onSignals ?? onSignals)({
      stop: (signal) => {
        options.logger.info({ signal }, 'stopping; a second signal ends it at once');
        void this.end();
      },
      quiet: options.quiet,
      dump: () => {
        for (const show of this.#shown) show();
      },
    });
    this.#watchForStrays();
  }

  /**
   * A promise of a handler's that is rejected and that nobody awaits would end the process, and with it every other
   * job: it is told and goes on. After an error that was thrown where nobody could catch it, nothing is certain any
   * more: the command ends as by a signal, so that jobs are handed back, and with 1.
   */
  #watchForStrays(): void {
    const { logger } = this.#options;
    process.on('unhandledRejection', (reason) => {
      const text = `a promise was rejected and nobody awaits it: ${messageOf(reason)}`;
      logger.error({ err: reason }, text);
    });
    process.on('uncaughtException', (error) => {
      logger.error(
        { err: error },
        `an error was thrown where nobody catches it, ending: ${messageOf(error)}`,
      );
      void this.end(1);
    });
  }

  /** Adds a part that has started; parts are stopped in the opposite order. */
  add(stop: () => Promise<void>): void {
    this.#parts.push(stop);
  }

  /** Adds what SIGUSR2 shows. */
  onShow(show: () => void): void {
    this.#shown.push(show);
  }

  /** Its exit code will be 1, if no other than 0 is said. */
  markFailed(): void {
    this.#failed = true;
  }

  /** Starts the parts; if one of them fails, ends the others and throws what it threw. */
  async start(parts: () => Promise<void>): Promise<void> {
    try {
      await parts();
    } catch (error) {
      // While ending, starting may rightly fail: the exit is on its way, and its code is the answer.
      if (this.#state === 'ending') return;
      // A part that tells of its own end must not make that the end of the command, and all well.
      this.#state = 'ending';
      await Promise.race([this.#stopParts(), delay(this.#options.limitMs)]);
      throw error;
    }
  }

  /** Ends the command: stops its parts, then exits with `exitCode`; with 1 if one cannot stop. Never returns. */
  async end(exitCode = 0): Promise<void> {
    if (this.#state === 'ending') return;
    this.#state = 'ending';
    const { logger, limitMs, limitExitCode = 1 } = this.#options;
    setTimeout(() => {
      logger.warn({}, `not all of it had ended after ${limitMs} ms: not waiting any longer`);
      process.exit(exitCode || limitExitCode);
    }, limitMs);
    try {
      await this.#stopParts();
    } catch (error) {
      logger.error({ err: error }, `a part could not be stopped: ${messageOf(error)}`);
      process.exit(1);
    }
    process.exit(exitCode || (this.#failed ? 1 : 0));
  }

  async #stopParts(): Promise<void> {
    for (let stop = this.#parts.pop(); stop !== undefined; stop = this.#parts.pop()) await stop();
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
