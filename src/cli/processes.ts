/** WORKER_PROCESSES and API_PROCESSES, the parent's side: starts the processes, replaces those that die, and speaks for all. */
import type { ChildProcess } from 'node:child_process';
import type { Config } from '../config.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { startMetricsPart } from './metrics-port.ts';
import { FORK_BY_KIND, type Kind } from './processes-fork.ts';
import { isOurs, type Metrics, type Order, type Report } from './processes-ipc.ts';
import type { ProcessesRegistry } from './processes-metrics.ts';
import { endedWell, replacementDelayMs, type Stage, whenEnded, whyNotReady } from './processes-policy.ts';
import { Running } from './running.ts';

/** How long a scrape waits for a process whose event loop stands still; Prometheus waits ten seconds for all. */
const METRICS_DEADLINE_MS = 2_000;
/** The children have `limitMs` to end, the parent so much longer to see it. */
const STOP_MARGIN_MS = 2_000;

export interface RunProcessesOptions {
  kind: Kind;
  count: number;
  config: Config;
  logger: Logger;
  /** The processes end within so long of being told to. */
  limitMs: number;
}

/** Runs `count` processes of this very command line. */
export async function runProcesses({
  kind,
  count,
  config,
  logger,
  limitMs,
}: RunProcessesOptions): Promise<void> {
  const processes = new Processes({
    kind,
    count,
    logger,
    onEnd: (code) => void running.end(code),
    onFailure: () => running.markFailed(),
  });
  const running = new Running({
    logger,
    limitMs: limitMs + STOP_MARGIN_MS,
    // An API has nothing that could be quiet.
    quiet: kind === 'worker' ? () => processes.quiet() : undefined,
  });
  running.onShow(() => processes.show());
  await running.start(async () => {
    await startMetricsPart(running, config, logger, {
      registry: () => processes.registry(),
      notReady: () => processes.notReady,
    });
    running.add(() => processes.stop());
    processes.start();
  });
}

export interface ProcessesOptions {
  kind: Kind;
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
  /** When it last told anything. */
  heardAt: number;
  started: boolean;
  notReady: string | undefined;
}

export class Processes {
  readonly #options: ProcessesOptions;
  readonly #places: readonly Place[];
  /** Scrapes that wait for a process, by the id of their order. */
  readonly #asked = new Map<number, (metrics: Metrics) => void>();
  #stage: Stage = 'first';
  #lastKey = 0;
  #replaced = 0;
  #onEmpty: (() => void) | undefined;
  #registry: Promise<ProcessesRegistry> | undefined;

  constructor(options: ProcessesOptions) {
    this.#options = options;
    this.#places = Array.from({ length: options.count }, (_, at) => ({ number: at + 1 }));
    // A second signal, or an end that took too long. Children of a parent that was killed find out by themselves.
    process.once('exit', () => {
      for (const { child } of this.#alive) child.kill('SIGKILL');
    });
  }

  /** Starts the first, and the others when it has: a mistake is told once, and not by each. */
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
    return whyNotReady(this.#options.kind, this.#stage, this.#places, performance.now());
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

  /** The metrics of all. */
  registry(): Promise<ProcessesRegistry> {
    this.#registry ??= import('./processes-metrics.ts').then(
      ({ ProcessesRegistry }) => new ProcessesRegistry(this, this.#options.kind),
    );
    return this.#registry;
  }

  /** What each process that lives answers, by its key. */
  async metrics(): Promise<ReadonlyMap<number, Metrics | undefined>> {
    const answers = this.#alive.map(async (each) => [each.key, await this.#ask(each)] as const);
    return new Map(await Promise.all(answers));
  }

  get #alive(): Forked[] {
    return this.#places.flatMap(({ process }) => process ?? []);
  }

  #fork(place: Place): void {
    const child = FORK_BY_KIND[this.#options.kind]();
    const forkedAt = performance.now();
    const forked: Forked = {
      key: ++this.#lastKey,
      child,
      forkedAt,
      heardAt: forkedAt,
      started: false,
      notReady: 'starting',
    };
    place.process = forked;
    child.on('message', (message) => {
      if (isOurs(message)) this.#onReport(forked, message as Report);
    });
    child.once('exit', (code, signal) => this.#onEnded(place, code, signal));
    child.on('error', (error) => {
      const text = `${this.#options.kind} process ${place.number}: ${error.message}`;
      this.#options.logger.error({ err: error }, text);
      // There is no exit of one that could not be started.
      if (child.pid === undefined) this.#onEnded(place, null, null);
    });
  }

  #onReport(forked: Forked, report: Report): void {
    forked.heardAt = performance.now();
    switch (report.millrace) {
      case 'started':
        forked.started = true;
        if (this.#stage === 'first') this.#startOthers();
        // Processes of a cluster hear nothing before they have started.
        else if (this.#stage === 'stopping') send(forked.child, { millrace: 'stop' });
        else if (this.#stage === 'quiet') send(forked.child, { millrace: 'quiet' });
        return;
      case 'readiness':
        forked.notReady = report.notReady;
        return;
      case 'metrics':
        this.#asked.get(report.id)?.(report.metrics);
        return;
      case 'page':
        void this.#tellPage(forked.child, report.id);
        return;
      default:
        report satisfies never;
    }
  }

  #startOthers(): void {
    this.#stage = 'running';
    for (const place of this.#places.slice(1)) this.#fork(place);
    const pids = this.#alive.map(({ child }) => child.pid);
    this.#options.logger.info({ pids }, `${pids.length} ${this.#options.kind} processes`);
  }

  #onEnded(place: Place, code: number | null, signal: NodeJS.Signals | null): void {
    const { kind, logger, onEnd, onFailure } = this.#options;
    const ended = place.process;
    if (ended === undefined) return;
    delete place.process;
    const { pid } = ended.child;
    const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
    const what = `${kind} process ${place.number} ${how}`;
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
      if (code === null) logger.error({ pid, signal }, `${what} before it had started`);
      return onEnd(code ?? 1);
    }
    if (!endedWell(this.#stage, ended.started, code, signal)) {
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

  /** Answers a process that was itself asked for the metrics of all. */
  async #tellPage(child: ChildProcess, id: number): Promise<void> {
    try {
      send(child, { millrace: 'page', id, text: await (await this.registry()).metrics() });
    } catch (error) {
      this.#options.logger.error({ err: error }, `the metrics cannot be told: ${messageOf(error)}`);
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
