/** One trap of the process for all its workers: SIGTERM and SIGINT stop them, a second one ends at once, SIGTSTP quiets, SIGUSR2 shows. */
import { onSignals } from '../signals.ts';

/** What the trap needs of a worker. */
interface Stoppable {
  stop(): Promise<void>;
  quiet(): void;
  snapshot(): object;
}

const trapped = new Set<Stoppable>();
let release: (() => void) | undefined;

/** To standard output, whatever LOG_LEVEL says: who asks for it wants to see it. */
export function writeState(worker: Pick<Stoppable, 'snapshot'>): void {
  process.stdout.write(`${JSON.stringify({ state: worker.snapshot() })}\n`);
}

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
    dump: () => {
      for (const each of trapped) writeState(each);
    },
  });
  return () => {
    trapped.delete(worker);
    if (trapped.size > 0) return;
    release?.();
    release = undefined;
  };
}
