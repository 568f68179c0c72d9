/** All processes of a soak: Faktory with its Redis, a relay, workers behind it, the API; and what they leave behind. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../test/helpers/free-port.ts';
import { type RunningProcess, startNode } from '../../test/helpers/process.ts';
import { type RealFaktory, startRealFaktory } from '../../test/helpers/real-faktory.ts';
import { type RelayProcess, startRelayProcess } from '../../test/helpers/relay-process.ts';
import { MAIN, untilReady } from '../../test/system/millrace.ts';
import type { MemorySample } from './figures.ts';
import { wall } from './load.ts';

const HANDLERS = fileURLToPath(new URL('./handlers.mjs', import.meta.url));
/** The shortest that Faktory knows: what a dead worker held comes back soon. */
const RESERVE_FOR_S = 60;
const HANDLER_MS = 5;

export interface SceneOptions {
  readonly workers: number;
  readonly concurrency: number;
  readonly rttMs: number;
  /** The API, too, behind the relay. */
  readonly apiRelay: boolean;
  /** Redis keeps the time of each command, and never rewrites its file: what became of a job can be read there. */
  readonly trace: boolean;
}

/** Redis as deploy/faktory/redis-server has it. */
const APPEND_ONLY = ['--appendonly', 'yes', '--appendfsync', 'everysec'];
const TRACED = ['--auto-aof-rewrite-percentage', '0', '--aof-timestamp-enabled', 'yes'];

export class Scene implements AsyncDisposable {
  readonly folder: string;
  readonly faktory: RealFaktory;
  readonly relay: RelayProcess;
  readonly apiPort: number;
  readonly #options: SceneOptions;
  readonly #workers: RunningProcess[] = [];
  /** Everything that ever ran, with its output. */
  readonly #logs: { name: string; output: () => string }[] = [];
  #api: RunningProcess | undefined;
  #keep = false;

  static async start(options: SceneOptions): Promise<Scene> {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-soak-'));
    let faktory: RealFaktory | undefined;
    let scene: Scene | undefined;
    try {
      const redisArgs = [...APPEND_ONLY, ...(options.trace ? TRACED : [])];
      faktory = await startRealFaktory({ dir: join(folder, 'faktory'), redisArgs });
      const relay = await startRelayProcess(faktory.url, { delayMs: options.rttMs / 2 });
      scene = new Scene(options, folder, faktory, relay, await freePort());
      await Promise.all([scene.startApi(), ...scene.#roles().map((_, i) => scene!.startWorker(i))]);
      return scene;
    } catch (error) {
      await scene?.[Symbol.asyncDispose]();
      await faktory?.stop();
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  private constructor(
    options: SceneOptions,
    folder: string,
    faktory: RealFaktory,
    relay: RelayProcess,
    apiPort: number,
  ) {
    this.#options = options;
    this.folder = folder;
    this.faktory = faktory;
    this.relay = relay;
    this.apiPort = apiPort;
    writeFileSync(this.ledgerFile, '');
  }

  get ledgerFile(): string {
    return join(this.folder, 'runs');
  }

  /** While it exists, handlers throw. */
  get throwingFile(): string {
    return join(this.folder, 'throwing');
  }

  get api(): RunningProcess {
    return this.#api!;
  }

  get workers(): readonly RunningProcess[] {
    return this.#workers;
  }

  /** In the place of the one before, which lives on until it is ended. Resolves when Faktory has welcomed it. */
  async startWorker(place: number): Promise<void> {
    const worker = this.#start(`worker-${place + 1}`, ['worker', HANDLERS], {
      FAKTORY_URL: this.relay.url,
      WORKER_CONCURRENCY: String(this.#options.concurrency),
      HANDLER_MS: String(HANDLER_MS),
      LEDGER: this.ledgerFile,
      THROWING: this.throwingFile,
    });
    this.#workers[place] = worker;
    await worker.waitForLine(/the worker runs jobs of /, { timeoutMs: 60_000 });
  }

  async startApi(): Promise<void> {
    this.#api = this.#start('api', ['api'], {
      FAKTORY_URL: this.#options.apiRelay ? this.relay.url : this.faktory.url,
      API_PORT: String(this.apiPort),
      JOB_RESERVE_FOR: String(RESERVE_FOR_S),
    });
    await untilReady(`http://127.0.0.1:${this.apiPort}`);
  }

  /** Keeps what Faktory has printed, which its restart forgets. */
  noteFaktoryOutput(): void {
    const { output, pid } = this.faktory;
    this.#logs.push({ name: `faktory-${pid}`, output: () => output });
  }

  /** The resident memory of each process now. */
  memory(): MemorySample[] {
    const { faktory, relay } = this;
    const pids: [role: string, pid: () => number][] = [
      ['api', () => this.api.pid],
      ...this.#workers.map((worker, i): [string, () => number] => [`worker-${i + 1}`, () => worker.pid]),
      ['faktory', () => faktory.pid],
      ['redis', () => faktory.redisPid],
      ['relay', () => relay.pid],
      ['clients', () => process.pid],
    ];
    const at = wall();
    return pids.flatMap(([role, pidOf]) => {
      try {
        const pid = pidOf();
        return [{ at, role, pid, mb: residentMb(pid) }];
      } catch {
        // It has just died: that is what happens here.
        return [];
      }
    });
  }

  /** Leaves the folder, with a log of each process, for someone to look at. */
  keep(): string {
    this.#keep = true;
    this.noteFaktoryOutput();
    const logs = join(this.folder, 'logs');
    mkdirSync(logs, { recursive: true });
    for (const { name, output } of this.#logs) writeFileSync(join(logs, `${name}.log`), `${output()}\n`);
    return this.folder;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of [...this.#workers, this.#api]) child?.killGroup();
    await this.relay.close();
    await this.faktory.stop();
    if (!this.#keep) rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #roles(): readonly undefined[] {
    return Array.from({ length: this.#options.workers });
  }

  #start(role: string, args: readonly string[], env: Record<string, string>): RunningProcess {
    const child = startNode(MAIN, args, {
      cwd: tmpdir(),
      env: { LOG_PRETTY: 'false', ...env },
      removeOnDeath: this.folder,
    });
    this.#logs.push({ name: `${role}-${child.pid}`, output: () => child.output });
    return child;
  }
}

/** Throws where there is no such process, or no /proc. */
function residentMb(pid: number): number {
  const kb = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  if (kb === undefined) throw new Error(`process ${pid} has no memory any more`);
  return Number(kb) / 1_024;
}
