/** WORKER_PROCESSES, the parent's side: starts the processes, replaces those that die, and speaks for all of them. */
import { type ChildProcess, fork } from 'node:child_process';
import { type Config, forkedEnvironment } from '../config.ts';
import type { Logger } from '../logger.ts';
import { startMetricsPart } from './metrics-port.ts';
import { Running } from './running.ts';
import { isOurs, type Metrics, type Order, type Report } from './worker-processes-ipc.ts';
import { replacementDelayMs, type Stage, whenEnded } from './worker-processes-policy.ts';

/** How long a scrape waits for a process whose event loop stands still; Prometheus waits ten seconds for all. */
const METRICS_DEADLINE_MS = 2_000;
/** The children have `limitMs` to end, the parent so much longer to see it. */
const STOP_MARGIN_MS = 2_000;

/** Runs `count` processes of this very command line, which end within `limitMs` of being told to. */
export async function runWorkerProcesses(
  config: Config,
  logger: Logger,
  count: number,
  limitMs: number,
): Promise<void> {
  const processes = new WorkerProcesses({
    count,
    logger,
    onEnd: (code) => void running.end(code),
    onFailure: () => running.markFailed(),
  });
  const running = new Running({
    logger,
    limitMs: limitMs + STOP_MARGIN_MS,
    quiet: () => processes.quiet(),
  });
  running.onShow(() => processes.show());
  await running.start(async () => {
    await startMetricsPart(running, config, logger, {
      registry: async () => new (await import('./worker-processes-metrics.ts')).ProcessesRegistry(processes),
      notReady: () => processes.notReady,
    });
    running.add(() => processes.stop());
    processes.start();
  });
}

export interface WorkerProcessesOptions {
  count: number;
  logger: Logger;
  /** There is nothing more to wait for: the command should end, with this code. */
  onEnd: (code: number) => void;
  /** A process that was told to end did not end with 0. */
  onFailure: () => void;
}

/** Where one process runs, and after it the one that replaces it. */
interface Place {
  readonly number: number;
  process?: Forked;
  /** How long it was last empty; the time of the next process, while it is. */
  delayMs?: number;
  timer?: NodeJS.Timeout;
}

interface Forked {
  /** Never used again, as a pid may be. */
  readonly key: number;
  readonly child: ChildProcess;
  readonly forkedAt: number;
  started: boolean;
  notReady: string | undefined;
}

export class WorkerProcesses {
  readonly #options: WorkerProcessesOptions;
  readonly #places: readonly Place[];
  /** Scrapes that wait for a process, by the id of their order. */
  readonly #asked = new Map<number, (metrics: Metrics) => void>();
  #stage: Stage = 'first';
  #lastKey = 0;
  #replaced = 0;
  #onEmpty: (() => void) | undefined;

  constructor(options: WorkerProcessesOptions) {
    this.#options = options;
    this.#places = Array.from({ length: options.count }, (_, at) => ({ number: at + 1 }));
    // A second signal, or an end that took too long. Children of a parent that was killed find out by themselves.
    process.once('exit', () => {
      for (const { child } of this.#alive) child.kill('SIGKILL');
    });
  }

  /** Starts the first, and when it has loaded its handlers the others: a mistake is told once, and not by each. */
  start(): void {
    if (this.#stage === 'first') this.#fork(this.#places[0]!);
  }

  get alive(): number {
    return this.#alive.length;
  }

  get replaced(): number {
    return this.#replaced;
  }

  /** Why not all of them run jobs, if not. */
  get notReady(): string | undefined {
    switch (this.#stage) {
      case 'first':
        return 'the worker processes are starting';
      case 'quiet':
      case 'stopping':
        return `the worker processes are ${this.#stage}`;
      default:
    }
    for (const { number, process } of this.#places) {
      if (process === undefined) return `worker process ${number} has ended and is not replaced yet`;
      if (process.notReady !== undefined) return `worker process ${number}: ${process.notReady}`;
    }
    return undefined;
  }

  /** None fetches any more. */
  quiet(): void {
    if (this.#stage === 'stopping') return;
    this.#stage = 'quiet';
    this.#leaveEmpty();
    this.#order({ millrace: 'quiet' });
    // All may have died and none been replaced yet.
    if (this.alive === 0) this.#options.onEnd(0);
  }

  /** Each writes its state. */
  show(): void {
    this.#order({ millrace: 'show' });
  }

  /** Ends all; resolves when they have ended. */
  async stop(): Promise<void> {
    this.#stage = 'stopping';
    this.#leaveEmpty();
    this.#order({ millrace: 'stop' });
    if (this.alive === 0) return;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  async metrics(): Promise<ReadonlyMap<number, Metrics | undefined>> {
    const answers = this.#alive.map(async (each) => [each.key, await this.#ask(each)] as const);
    return new Map(await Promise.all(answers));
  }

  get #alive(): Forked[] {
    return this.#places.flatMap(({ process }) => process ?? []);
  }

  #fork(place: Place): void {
    const child = fork(process.argv[1]!, process.argv.slice(2), {
      env: forkedEnvironment(),
      // As JSON, values that are not numbers would become null.
      serialization: 'advanced',
    });
    const forked: Forked = {
      key: ++this.#lastKey,
      child,
      forkedAt: performance.now(),
      started: false,
      notReady: 'starting',
    };
    place.process = forked;
    child.on('message', (message) => {
      if (isOurs(message)) this.#onReport(forked, message as Report);
    });
    child.once('exit', (code, signal) => this.#onEnded(place, code, signal));
    child.on('error', (error) => {
      const text = `worker process ${place.number}: ${error.message}`;
      this.#options.logger.error({ err: error }, text);
      // There is no exit of one that could not be started.
      if (child.pid === undefined) this.#onEnded(place, null, null);
    });
  }

  #onReport(forked: Forked, report: Report): void {
    switch (report.millrace) {
      case 'started':
        forked.started = true;
        if (this.#stage === 'first') this.#startOthers();
        return;
      case 'readiness':
        forked.notReady = report.notReady;
        return;
      case 'metrics':
        this.#asked.get(report.id)?.(report.metrics);
        return;
      default:
        report satisfies never;
    }
  }

  #startOthers(): void {
    this.#stage = 'running';
    for (const place of this.#places.slice(1)) this.#fork(place);
    const pids = this.#alive.map(({ child }) => child.pid);
    this.#options.logger.info({ pids }, `${pids.length} worker processes`);
  }

  #onEnded(place: Place, code: number | null, signal: NodeJS.Signals | null): void {
    const { logger, onEnd, onFailure } = this.#options;
    const ended = place.process;
    if (ended === undefined) return;
    delete place.process;
    const { pid } = ended.child;
    const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
    const what = `worker process ${place.number} ${how}`;
    const verdict = whenEnded(this.#stage, this.alive);
    if (verdict === 'replace') {
      const delayMs = replacementDelayMs(place.delayMs, performance.now() - ended.forkedAt);
      place.delayMs = delayMs;
      logger.warn({ pid, code, signal }, `${what}: another starts in ${delayMs / 1_000} s`);
      place.timer = setTimeout(() => {
        this.#replaced++;
        this.#fork(place);
      }, delayMs);
      return;
    }
    if (this.#stage === 'first') {
      // It has told its own mistake, unless it could not.
      if (code === null) logger.error({ pid, signal }, `${what} before it had loaded its handlers`);
      return onEnd(code ?? 1);
    }
    if (code !== 0) {
      logger.warn({ pid, code, signal }, what);
      onFailure();
    }
    if (verdict === 'end') onEnd(0);
    if (this.alive === 0) this.#onEmpty?.();
  }

  /** Nothing that is yet to be replaced will be. */
  #leaveEmpty(): void {
    for (const { timer } of this.#places) clearTimeout(timer);
  }

  async #ask({ child, started }: Forked): Promise<Metrics | undefined> {
    if (!started) return undefined;
    const id = ++this.#lastKey;
    let timer: NodeJS.Timeout | undefined;
    const answer = new Promise<Metrics | undefined>((resolve) => {
      this.#asked.set(id, resolve);
      timer = setTimeout(resolve, METRICS_DEADLINE_MS, undefined);
      child.once('exit', () => resolve(undefined));
    });
    send(child, { millrace: 'metrics', id });
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
      this.#asked.delete(id);
    }
  }

  #order(order: Order): void {
    for (const { child } of this.#alive) send(child, order);
  }
}

/** One that ends just now hears nothing: its exit tells. */
function send(child: ChildProcess, order: Order): void {
  child.send(order, () => {});
}
