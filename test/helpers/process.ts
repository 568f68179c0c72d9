import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { guardProcessGroup } from './guard.ts';
import { until, within } from './until.ts';

export interface StartProcessOptions {
  cwd?: string;
  /**
   * Environment of the child, beside PATH, HOME, TMPDIR and LANG. Nothing else is inherited, so that a
   * developer's FAKTORY_URL or vitest's NODE_ENV cannot change what a test sees.
   */
  env?: Record<string, string | undefined>;
  /** A folder to remove should the test process die before it has stopped this one. */
  removeOnDeath?: string;
}

export interface Exit {
  /** 127 when the command could not be started at all. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface WaitOptions {
  /** Default 10,000. */
  timeoutMs?: number;
}

const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'NODE_V8_COVERAGE'];

/** Lines of output kept of one process: enough for every test, bounded for a child in a hot loop. */
const KEPT_LINES = 10_000;

/** All that run; what a test forgot to stop is killed by `stopAllProcesses`. */
const running = new Set<RunningProcess>();

/** Starts a command as the leader of a process group of its own, with stdin closed and its output collected. */
export function startProcess(
  command: string,
  args: readonly string[] = [],
  options: StartProcessOptions = {},
): RunningProcess {
  return new RunningProcess(command, args, options);
}

/** Starts a script with the Node that runs the tests. */
export function startNode(
  script: string,
  args: readonly string[] = [],
  options: StartProcessOptions = {},
): RunningProcess {
  return startProcess(process.execPath, [script, ...args], options);
}

/** Kills every process still running and returns their command lines. Called at the end of each test file. */
export async function stopAllProcesses(): Promise<string[]> {
  const left = [...running];
  for (const child of left) child.killGroup();
  await Promise.all(left.map((child) => child.exit));
  return left.map((child) => child.commandLine);
}

/** A child process of a test. It runs until it exits by itself, `stop()`, or the end of the test file. */
export class RunningProcess implements AsyncDisposable {
  readonly commandLine: string;
  /** Settles once the process has exited and its output was read. Never rejects. */
  readonly exit: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  #dropped = 0;
  #exited: Exit | undefined;

  constructor(command: string, args: readonly string[], options: StartProcessOptions) {
    this.commandLine = [command, ...args].join(' ');
    const child = spawn(command, args, {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: childEnvironment(options.env),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    this.#child = child;
    const release = child.pid === undefined ? () => {} : guardProcessGroup(child.pid, options.removeOnDeath);
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => this.#keep(line));
    }
    running.add(this);
    this.exit = this.#whenExited().then((exit) => {
      this.#exited = exit;
      running.delete(this);
      release();
      return exit;
    });
  }

  /** Process id, and id of the process group. */
  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.commandLine} was not started\n${this.output}`);
    return this.#child.pid;
  }

  /** How it ended, or undefined while it runs. */
  get exited(): Exit | undefined {
    return this.#exited;
  }

  /** Lines of stdout and stderr so far, in the order they were read; the newest 10,000. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** The same as one text. */
  get output(): string {
    return this.#lines.join('\n');
  }

  /** Waits for a line that matches, those already printed included; fails at once when the process ends without one. */
  async waitForLine(pattern: RegExp, { timeoutMs = 10_000 }: WaitOptions = {}): Promise<RegExpExecArray> {
    let seen = 0;
    const search = () => {
      const over = this.#exited !== undefined;
      for (let at = Math.max(0, seen - this.#dropped); at < this.#lines.length; at++) {
        const match = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')).exec(this.#lines[at]!);
        if (match) return match;
      }
      seen = this.#dropped + this.#lines.length;
      if (over)
        throw new Error(this.#tell(`ended (${describeExit(this.#exited)}) without a line ${pattern}`));
      return undefined;
    };
    return until(search, { timeoutMs, what: () => this.#tell(`printing a line ${pattern}`) });
  }

  /** Waits for the process to exit by itself. */
  async waitForExit({ timeoutMs = 10_000 }: WaitOptions = {}): Promise<Exit> {
    return within(this.exit, timeoutMs, () => this.#tell(`did not exit within ${timeoutMs} ms`));
  }

  /** Sends a signal to the process itself (not to its children). False when it has already exited. */
  kill(signal: NodeJS.Signals): boolean {
    return this.#exited === undefined && this.#child.kill(signal);
  }

  /** SIGKILL to the process and everything it started in its group. */
  killGroup(): void {
    if (this.#child.pid !== undefined) signalGroup(this.#child.pid, 'SIGKILL');
  }

  /**
   * Sends `signal` (and SIGCONT, in case the test had stopped it) and waits for the exit; then kills what it left
   * in its group. Safe to call twice and after the exit. Fails, having killed it, when it takes over `timeoutMs`.
   */
  async stop(signal: NodeJS.Signals = 'SIGTERM', { timeoutMs = 15_000 }: WaitOptions = {}): Promise<Exit> {
    this.kill(signal);
    this.kill('SIGCONT');
    try {
      return await within(this.exit, timeoutMs, () =>
        this.#tell(`did not exit within ${timeoutMs} ms of ${signal}`),
      );
    } finally {
      this.killGroup();
      await this.exit;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL');
  }

  #keep(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length <= KEPT_LINES) return;
    const excess = KEPT_LINES / 10;
    this.#lines.splice(0, excess);
    this.#dropped += excess;
  }

  #whenExited(): Promise<Exit> {
    return new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#keep(String(error));
        if (this.#child.pid === undefined) resolve({ code: 127, signal: null });
      });
      this.#child.once('exit', (code, signal) => {
        // `close` comes when all output was read; a grandchild that holds the pipe must not hold us.
        const unread = setTimeout(() => resolve({ code, signal }), 500);
        this.#child.once('close', () => {
          clearTimeout(unread);
          resolve({ code, signal });
        });
      });
    });
  }

  #tell(what: string): string {
    return `${this.commandLine}: ${what}. Its output:\n${this.#lines.slice(-50).join('\n') || '(none)'}`;
  }
}

/** Whether a process of this id runs. A zombie does not: in a container nobody may ever collect it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.charAt(stat.lastIndexOf(')') + 2) !== 'Z';
  } catch {
    return process.platform !== 'linux';
  }
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // Nobody left in the group.
  }
}

function childEnvironment(
  given: Record<string, string | undefined> = {},
): Record<string, string | undefined> {
  const inherited = INHERITED.map((name) => [name, process.env[name]] as const);
  return { ...Object.fromEntries(inherited.filter(([, value]) => value !== undefined)), ...given };
}

function describeExit(exit: Exit | undefined): string {
  return exit?.signal ?? `code ${exit?.code}`;
}
