/** The embedded Faktory's listener: accepts connections, and knows when it starts and stops. */
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { MillraceError } from '../errors.ts';
import { type CancelTimer, type Clock, realClock } from './clock.ts';
import type { Faktory } from './commands/command.ts';
import { Deadlines } from './deadlines.ts';
import { Faults, type FaultsHost, type Quirks } from './faults.ts';
import { Scheduler } from './scheduler.ts';
import { type Intercept, Session, type SessionHost } from './session.ts';
import { FAKTORY_SCANS, type KeptJob, type ScanIntervals, Store } from './store/store.ts';
import { Workers } from './workers.ts';

export interface EmbeddedOptions {
  /** 0 (the default) takes a free one. */
  port?: number;
  /** Loopback only (default 127.0.0.1): the password of Faktory permits everything. */
  host?: string;
  password?: string;
  /** What the program is run as; "production" is refused, since nothing is kept over a restart. */
  environment?: string;
  /** Default: the machine's time. */
  clock?: Clock;
  /** Connections past their HELLO (default 2000, as Faktory). */
  maxConnections?: number;
  /** How often what is due by time is looked for, in ms (default: as Faktory, 5 to 60 s). */
  scans?: Partial<ScanIntervals>;
  /** A place for faults; see Intercept. */
  intercept?: Intercept;
  /** Wrongs of the real Faktory to show from the start; `faults.quirks` changes them later. */
  quirks?: Quirks;
}

/** Sizes and totals, as INFO tells them. */
export interface EmbeddedCounts {
  /** Name → jobs waiting, for every queue that was pushed to. */
  queues: Record<string, number>;
  enqueued: number;
  scheduled: number;
  working: number;
  retries: number;
  dead: number;
  processed: number;
  failures: number;
  connections: number;
  workers: number;
  /** FETCHes that wait for a job. */
  waiting: number;
}

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);
const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_MAX_CONNECTIONS = 2000;
const HELLO_MS = 2000;

/** starting → listening → stopping → stopped. */
type State = 'starting' | 'listening' | 'stopping' | 'stopped';

/** A whole Faktory in this process and in memory. Made by `startEmbeddedFaktory`. */
export class EmbeddedFaktory implements AsyncDisposable {
  /** What can be made to go wrong. */
  readonly faults: Faults;
  readonly #options: EmbeddedOptions;
  readonly #host: string;
  readonly #server: Server;
  readonly #scheduler: Scheduler;
  readonly #faktory: Faktory;
  readonly #sessions = new Set<Session>();
  readonly #sessionHost: SessionHost;
  readonly #greetings: Deadlines<Session>;
  /** Connections made while it was frozen. */
  readonly #waitingSockets = new Set<Socket>();
  #state: State = 'starting';
  #port = 0;
  #stopped: Promise<void> | undefined;

  constructor(options: EmbeddedOptions = {}) {
    this.#options = options;
    this.#host = options.host ?? DEFAULT_HOST;
    const clock = options.clock ?? realClock;
    const scans = { ...FAKTORY_SCANS, ...options.scans };
    const watchers = new Set<() => void>();
    this.#scheduler = new Scheduler(clock, () => {
      for (const watch of watchers) watch();
    });
    this.faults = new Faults(this.#faultsHost(), options.quirks);
    this.#faktory = {
      clock,
      store: new Store(clock, this.#scheduler, scans),
      workers: new Workers(clock, this.#scheduler, scans.workers),
      counters: { startedAt: clock.now(), connections: 0, commands: 0 },
      faults: this.faults,
      watchers,
    };
    this.#greetings = new Deadlines(HELLO_MS, this.#scheduler.wake, (session) => session.close());
    this.#scheduler.add(this.#greetings);
    this.#sessionHost = this.#makeSessionHost();
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  /** The port it listens on. */
  get port(): number {
    return this.#port;
  }

  /** The address that clients take as FAKTORY_URL, with the password if there is one. */
  get url(): string {
    const { password } = this.#options;
    const userinfo = password === undefined || password === '' ? '' : `:${encodeURIComponent(password)}@`;
    return `tcp://${userinfo}${this.#host.includes(':') ? `[${this.#host}]` : this.#host}:${this.#port}`;
  }

  /** What it holds at this moment. */
  counts(): EmbeddedCounts {
    const { store, workers, counters } = this.#faktory;
    const queues = store.queues.sizes();
    return {
      queues,
      enqueued: Object.values(queues).reduce((sum, size) => sum + size, 0),
      scheduled: store.scheduled.size,
      working: store.working.size,
      retries: store.retries.size,
      dead: store.dead.size,
      processed: store.processed,
      failures: store.failures,
      connections: counters.connections,
      workers: workers.size,
      waiting: store.waiters.size,
    };
  }

  /** Every job that it holds: the queues by name, oldest first, then what is worked on, then the sets by time. */
  jobs(): IterableIterator<KeptJob> {
    return this.#faktory.store.jobs();
  }

  /** Whether the queue was paused. */
  isPaused(queue: string): boolean {
    return this.#faktory.store.queues.isPaused(queue);
  }

  /** Whether no queue holds a job and nobody works on one, but for queues that `leftOut` names. */
  isIdle(leftOut: (queue: string) => boolean): boolean {
    return this.#faktory.store.isIdle(leftOut);
  }

  /** Calls back after whatever may have changed what it holds, until the function that it returns is called. */
  watch(onChange: () => void): () => void {
    const { watchers } = this.#faktory;
    // One of its own for each call, so that the same function can watch twice.
    const watcher = (): void => onChange();
    watchers.add(watcher);
    return () => watchers.delete(watcher);
  }

  /**
   * Tells that the clock is about to jump by `ms`, so that nobody is taken for dead who had no time to beat, or to say
   * HELLO.
   */
  carry(ms: number): void {
    this.#faktory.workers.carry(ms);
    this.#greetings.carry(ms);
  }

  /** Listens; throws PORT_TAKEN or CONFIG_INVALID. Called once, by `startEmbeddedFaktory`. */
  async listen(): Promise<void> {
    this.#refuseUnsafe();
    const { port = 0 } = this.#options;
    await new Promise<void>((resolve, reject) => {
      // Stays on afterwards: what is refused for want of file handles must not end the process.
      this.#server.on('error', (error) => reject(this.#cannotListen(error, port)));
      this.#server.listen({ host: this.#host, port, backlog: 1024 }, resolve);
    });
    this.#port = (this.#server.address() as AddressInfo).port;
    this.#state = 'listening';
  }

  /**
   * Closes the listener and every connection, and forgets all jobs. For `graceMs` (default 0) connections are left
   * open, and closed by their next command, which is answered `shutdown in progress`: as Faktory does at SIGTERM.
   * Safe to call twice; the first call decides.
   */
  stop({ graceMs = 0 }: { graceMs?: number } = {}): Promise<void> {
    this.#stopped ??= this.#stop(graceMs);
    return this.#stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(graceMs: number): Promise<void> {
    this.#state = 'stopping';
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    if (graceMs > 0) await this.#grace(graceMs, closed);
    this.#scheduler.stop();
    this.#cut();
    await closed;
    this.#state = 'stopped';
  }

  async #grace(graceMs: number, closed: Promise<void>): Promise<void> {
    const { clock } = this.#faktory;
    let cancel: CancelTimer | undefined;
    const over = new Promise<void>((resolve) => {
      cancel = clock.setTimer(clock.now() + graceMs, resolve);
    });
    await Promise.race([closed, over]);
    cancel?.();
  }

  #accept(socket: Socket): void {
    if (this.#state !== 'listening') {
      socket.destroy();
    } else if (this.faults.refusesConnections) {
      socket.resetAndDestroy();
    } else if (this.faults.frozen) {
      this.#waitingSockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#waitingSockets.delete(socket));
    } else {
      this.#sessions.add(new Session(this.#sessionHost, socket));
    }
  }

  #cut(): void {
    for (const session of [...this.#sessions]) session.close();
    for (const socket of this.#waitingSockets) socket.destroy();
  }

  #faultsHost(): FaultsHost {
    return {
      freeze: () => {
        for (const session of this.#sessions) session.freeze();
      },
      thaw: () => {
        const sockets = [...this.#waitingSockets];
        this.#waitingSockets.clear();
        for (const session of [...this.#sessions]) session.thaw();
        for (const socket of sockets) if (!socket.destroyed) this.#accept(socket);
      },
      cut: () => this.#cut(),
    };
  }

  #makeSessionHost(): SessionHost {
    const { password, maxConnections = DEFAULT_MAX_CONNECTIONS, intercept } = this.#options;
    const isListening = (): boolean => this.#state === 'listening';
    return {
      faktory: this.#faktory,
      password,
      maxConnections,
      intercept,
      greetings: this.#greetings,
      get accepting() {
        return isListening();
      },
      onClosed: (session) => this.#sessions.delete(session),
    };
  }

  #refuseUnsafe(): void {
    if (!LOOPBACK.has(this.#host)) {
      throw new MillraceError(
        'CONFIG_INVALID',
        `the embedded Faktory listens on loopback only, not on ${this.#host}: run a real Faktory there`,
      );
    }
    if (this.#options.environment === 'production') {
      throw new MillraceError(
        'CONFIG_INVALID',
        'the embedded Faktory keeps nothing over a restart and does not run in production: run a real Faktory',
      );
    }
  }

  #cannotListen(error: NodeJS.ErrnoException, port: number): Error {
    if (error.code !== 'EADDRINUSE') return error;
    return new MillraceError('PORT_TAKEN', `port ${this.#host}:${port} is taken: free it, or take another`, {
      cause: error,
    });
  }
}

/** Starts a Faktory in this process, on loopback and in memory. Throws PORT_TAKEN or CONFIG_INVALID. */
export async function startEmbeddedFaktory(options: EmbeddedOptions = {}): Promise<EmbeddedFaktory> {
  const faktory = new EmbeddedFaktory(options);
  await faktory.listen();
  return faktory;
}
