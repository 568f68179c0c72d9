/** The scene of a fault test: a real Faktory, a relay before it, `millrace worker` processes, and a Client. */
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, type ClientOptions } from '../../src/client/client.ts';
import { type JobInput, newJid } from '../../src/protocol/job.ts';
import { freePort } from '../helpers/free-port.ts';
import type { RunningProcess } from '../helpers/process.ts';
import { type RealFaktory, type RealFaktoryOptions, startRealFaktory } from '../helpers/real-faktory.ts';
import { type Relay, type RelayOptions, startRelay } from '../helpers/relay.ts';
import { until } from '../helpers/until.ts';
import { millrace } from '../system/millrace.ts';
import type { Ledger } from './ledger.ts';
import { askInfo, connectRaw, type FaktoryInfo } from './raw-faktory.ts';

const HANDLERS = fileURLToPath(new URL('./handlers.mjs', import.meta.url));

/** 60 s, Faktory's look every 15 s, and some. */
const RESERVATION_ENDS_MS = 80_000;

export interface StageOptions {
  faktory?: RealFaktoryOptions;
  relay?: RelayOptions;
  /** Options of the Client. It goes through the relay, unless its `url` says otherwise. */
  client?: ClientOptions;
}

export interface WorkerSettings {
  /** Default: the relay's. */
  url?: string;
  /** Default 100. */
  concurrency?: number;
  /** Any further variables of the worker's environment. */
  env?: Record<string, string>;
  /** Default: test/faults/handlers.mjs. */
  handlers?: string;
}

/** Starts Faktory 1.10.0, the relay and the Client, for one test. */
export async function setStage(ledger: Ledger, options: StageOptions = {}): Promise<Stage> {
  const faktory = await startRealFaktory(options.faktory);
  try {
    return new Stage(ledger, faktory, await startRelay(faktory.url, options.relay), options.client);
  } catch (error) {
    await faktory.stop();
    throw error;
  }
}

export class Stage implements AsyncDisposable {
  readonly ledger: Ledger;
  readonly faktory: RealFaktory;
  readonly relay: Relay;
  readonly client: Client;
  readonly workers: WorkerProcess[] = [];

  constructor(ledger: Ledger, faktory: RealFaktory, relay: Relay, client: ClientOptions = {}) {
    this.ledger = ledger;
    this.faktory = faktory;
    this.relay = relay;
    this.client = new Client({ url: relay.url, logger: false, ...client });
  }

  /** Starts `millrace worker` and waits until Faktory has welcomed it. */
  async startWorker(settings: WorkerSettings = {}): Promise<WorkerProcess> {
    const worker = await this.launchWorker(settings);
    await worker.process.waitForLine(/the worker runs jobs of /, { timeoutMs: 30_000 });
    return worker;
  }

  /** Starts `millrace worker` and does not wait. */
  async launchWorker({
    url = this.relay.url,
    concurrency = 100,
    env = {},
    handlers = HANDLERS,
  }: WorkerSettings = {}): Promise<WorkerProcess> {
    const metricsPort = await freePort();
    const process = millrace(['worker', handlers], {
      env: {
        FAKTORY_URL: url,
        WORKER_CONCURRENCY: String(concurrency),
        METRICS_PORT: String(metricsPort),
        LEDGER: this.ledger.file,
        LOG_PRETTY: 'false',
        ...env,
      },
    });
    const worker = new WorkerProcess(process, metricsPort);
    this.workers.push(worker);
    return worker;
  }

  /** Pushes `count` jobs at once, and resolves when all are answered, whatever the answers. */
  async push(count: number, job: Partial<JobInput> = {}): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.#pushOne(job)));
  }

  /** Keeps `inFlight` pushes under way until `stop()`, which resolves when all are answered. */
  keepPushing({ inFlight = 50, everyMs = 0, job = {} as Partial<JobInput> } = {}): Load {
    let going = true;
    const loops = Array.from({ length: inFlight }, async () => {
      while (going) {
        await this.#pushOne(job);
        if (everyMs > 0) await pause(everyMs);
      }
    });
    return {
      stop: async () => {
        going = false;
        await Promise.all(loops);
      },
    };
  }

  /** Waits until at least so many handlers have ended, all runs counted. */
  async untilEnded(count: number, timeoutMs = 60_000): Promise<void> {
    await until(() => this.ended >= count, {
      timeoutMs,
      everyMs: 50,
      what: () => `${count} jobs ended; ${this.ended} were`,
    });
  }

  /** Handlers that have ended, all runs counted. */
  get ended(): number {
    return this.ledger.runs().filter((run) => run.what === 'end').length;
  }

  /** Waits until every accepted job has run, but for `lost` of them. */
  async untilAllRan({ lost = 0, timeoutMs = 60_000 } = {}): Promise<void> {
    await until(() => this.ledger.missing().length <= lost, {
      timeoutMs,
      everyMs: 100,
      what: () => `all jobs executed; ${this.ledger.missing().length} are missing: ${this.#someMissing()}`,
    });
  }

  /**
   * Waits until Faktory holds nothing any more: queues, Retries, Scheduled and Working are empty, three times in a row.
   * What is missing in the ledger then is lost. Where nothing is missing, Working is waited for no longer than a
   * reservation of 60 s takes to come back: a push that was sent again and stored twice leaves an entry there that is
   * nobody's, and Faktory takes those out slowly.
   */
  async untilDrained({ timeoutMs = 60_000 } = {}): Promise<void> {
    let empty = 0;
    let last = '';
    let restSince = performance.now();
    const drained = async () => {
      const { queued, sets } = await this.held();
      const missing = this.ledger.missing().length;
      last = JSON.stringify({ queued, ...sets, missing });
      if (missing + queued + sets.retries + sets.scheduled > 0) restSince = performance.now();
      const rested = performance.now() - restSince > RESERVATION_ENDS_MS;
      const left = queued + sets.retries + sets.scheduled + (rested ? 0 : sets.working);
      empty = left === 0 ? empty + 1 : 0;
      return empty >= 3;
    };
    await until(() => drained().catch(() => false), {
      timeoutMs,
      everyMs: 300,
      what: () => `an empty Faktory: ${last}`,
    });
  }

  /** What Faktory says that it holds, asked beside the relay. */
  async held(): Promise<Held> {
    const { queues, sets } = await this.#info();
    const own = Object.entries(queues).filter(([name]) => !name.startsWith('millrace-wake.'));
    return { queued: own.reduce((sum, [, size]) => sum + size, 0), sets };
  }

  /** Worker ids that Faktory knows. */
  async registered(): Promise<number> {
    return (await this.#info()).tasks.Workers.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What a test has left frozen or stopped must not hold up the end.
    this.relay.thaw();
    for (const worker of this.workers) worker.process.killGroup();
    await this.relay.close();
    await this.faktory.stop();
    // With Faktory gone a client could wait long for its last answers.
    await Promise.race([this.client.close().catch(() => {}), pause(1_000, undefined, { ref: false })]);
  }

  #pushOne(job: Partial<JobInput>): Promise<void> {
    return followPush(this.ledger, this.client, job);
  }

  /** Past millrace, whose own INFO may be cached. */
  async #info(): Promise<FaktoryInfo> {
    await using client = await connectRaw(this.faktory);
    return await askInfo(client);
  }

  #someMissing(): string {
    return this.ledger.missing().slice(0, 5).join(', ');
  }
}

/** Pushes one job of the jobtype `run`, and writes down what becomes of it. Never rejects. */
export async function followPush(ledger: Ledger, client: Client, job: Partial<JobInput> = {}): Promise<void> {
  const jid = newJid();
  // The shortest reservation there is: what a dead socket or worker has taken comes back soon.
  const payload = { jobtype: 'run', args: [], reserve_for: 60, ...job, jid };
  await ledger.follow(jid, client.push(payload));
}

export interface Load {
  stop(): Promise<void>;
}

/** What Faktory holds. */
export interface Held {
  /** Jobs in queues, wake tokens left out. */
  readonly queued: number;
  readonly sets: FaktoryInfo['sets'];
}

/** A `millrace worker`, and what its /metrics say. */
export class WorkerProcess {
  readonly process: RunningProcess;
  readonly #metricsPort: number;

  constructor(process: RunningProcess, metricsPort: number) {
    this.process = process;
    this.#metricsPort = metricsPort;
  }

  /** The value of `millrace_worker_<name>`, for instance `outstanding`, `unreported`, `stranded_total`. */
  async metric(name: string): Promise<number> {
    return (await this.metrics()).get(`millrace_worker_${name}`) ?? Number.NaN;
  }

  /** All metrics without labels, by name. */
  async metrics(): Promise<Map<string, number>> {
    const text = await (await fetch(`http://127.0.0.1:${this.#metricsPort}/metrics`)).text();
    const lines = text.split('\n').map((line) => /^(\w+) (\S+)$/.exec(line));
    return new Map(lines.filter((match) => match !== null).map(([, name, value]) => [name!, Number(value)]));
  }

  /** Whether its /ready says yes. */
  async ready(): Promise<boolean> {
    const answer = fetch(`http://127.0.0.1:${this.#metricsPort}/ready`);
    return answer.then(
      (response) => response.ok,
      () => false,
    );
  }
}
