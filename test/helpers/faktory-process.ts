import { type Address, answersHi, faktoryUrl } from './faktory-url.ts';
import type { Exit, RunningProcess } from './process.ts';
import { until } from './until.ts';

/** What every Faktory of a test can do, the real one and the embedded one alike. */
export interface RunningFaktory extends AsyncDisposable {
  readonly kind: 'embedded' | 'real';
  readonly version: string;
  /** `tcp://[:password@]127.0.0.1:port`; the same after a restart. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly password: string | undefined;
  /** Of the process that runs now: another one after a restart. */
  readonly pid: number;
  /** What it has printed since it was last started. */
  readonly output: string;
  /** Sends a signal to Faktory itself. SIGKILL is waited for; other signals return at once. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** SIGTERM, its exit, and nothing of it is left. Safe to call twice, and after kill. */
  stop(): Promise<void>;
  /** Starts it again on the same port with what it has stored, while it runs or after `kill`; after `stop` it is gone. */
  restart(): Promise<void>;
}

/** Waits until a just started process greets with `+HI`; fails at once, with its output, when it exits instead. */
export async function untilItAnswers(child: RunningProcess, address: Address): Promise<void> {
  const answered = async () => {
    if (child.exited) throw new FaktoryExited(child.exited, child.output);
    return answersHi(address);
  };
  await until(answered, {
    timeoutMs: 20_000,
    everyMs: 10,
    what: () => `+HI from ${faktoryUrl(address)} (${child.commandLine}). Its output:\n${child.output}`,
  });
}

/** Faktory ended before it listened: most often the port was taken meanwhile, so the caller may try another. */
export class FaktoryExited extends Error {
  constructor(exit: Exit, output: string) {
    super(
      `Faktory exited (${exit.signal ?? `code ${exit.code}`}) before it listened. Its output:\n${output}`,
    );
  }
}
