/** What the signals of the system mean to a process that runs jobs or takes them. */
import { startedByNpm } from './config.ts';

export interface SignalActions {
  /** SIGTERM, SIGINT: end gracefully; a second one ends the process at once, with 1. */
  stop(signal: NodeJS.Signals): void;
  /** SIGTSTP: take nothing new. Without it the signal suspends the process, as usual. */
  quiet?: (() => void) | undefined;
  /** SIGUSR2: tells its state. Without it the signal ends the process, as usual. */
  dump?: (() => void) | undefined;
}

/** npm passes a Ctrl-C on that the terminal has sent to all: the same one comes twice, within a moment. */
const ECHO_MS = 500;

/** Traps the signals, until the function that it returns is called. */
export function onSignals({ stop, quiet, dump }: SignalActions): () => void {
  let stopping: { signal: NodeJS.Signals; at: number } | undefined;
  const onStop = (signal: NodeJS.Signals): void => {
    const now = performance.now();
    if (stopping === undefined) {
      stopping = { signal, at: now };
      stop(signal);
    } else if (!(startedByNpm() && signal === stopping.signal && now - stopping.at < ECHO_MS)) {
      process.exit(1);
    }
  };
  process.on('SIGTERM', onStop).on('SIGINT', onStop);
  if (quiet !== undefined) process.on('SIGTSTP', quiet);
  if (dump !== undefined) process.on('SIGUSR2', dump);
  return () => {
    process.off('SIGTERM', onStop).off('SIGINT', onStop);
    if (quiet !== undefined) process.off('SIGTSTP', quiet);
    if (dump !== undefined) process.off('SIGUSR2', dump);
  };
}
