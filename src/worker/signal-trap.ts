/** One trap of the process for all its workers: SIGTERM and SIGINT stop them, a second one ends at once, SIGTSTP quiets. */
import { onSignals } from '../signals.ts';

/** What the trap needs of a worker. */
interface Stoppable {
  stop(): Promise<void>;
  quiet(): void;
}

const trapped = new Set<Stoppable>();
let release: (() => void) | undefined;

/** Traps the signals for a worker too; the function it returns ends that. */
export function trapSignals(worker: Stoppable): () => void {
  trapped.add(worker);
  release ??= onSignals({
    stop: () => {
      for (const each of trapped) void each.stop();
    },
    quiet: () => {
      for (const each of trapped) each.quiet();
    },
  });
  return () => {
    trapped.delete(worker);
    if (trapped.size > 0) return;
    release?.();
    release = undefined;
  };
}
