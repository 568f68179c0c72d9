/** What a scenario runs on: an API, ours or somebody's, who makes the load, and who runs the jobs, a process each. */
import { randomBytes } from 'node:crypto';
import { Child } from '../bench/child.ts';
import type { Reach } from '../bench/worker-order.ts';
import type { ClientOptions } from '../client/client.ts';
import { Client } from '../client/client.ts';
import { MillraceError } from '../errors.ts';
import { type Reading, readChild, readMetrics } from './api-load.ts';
import type { ApiOrder } from './api-process.ts';
import type { BodyPlan } from './body.ts';
import type { Target } from './shot.ts';
import type { Executed, Ran, WorkerOrder } from './worker-process.ts';

/** No other queue is touched by a load that has a worker of its own. */
export const LOAD_QUEUE = 'millrace-load';
const DEAD_LIMIT_MS = 30_000;
const LOOK_DEAD_EVERY_MS = 500;
const LOOK_EVERY_MS = 50;
const DRAIN_LIMIT_MS = 60_000;
/** Empty so many times in a row: of what a FETCH has taken, nothing came back. */
const EMPTY_TIMES = 3;
/** No job more for so long: those that are missing do not come. */
const STUCK_MS = 15_000;

export interface StageOptions {
  /** Somebody's API; undefined: one is started. */
  readonly foreign: Target | undefined;
  /** The Faktory of the API; undefined: with a foreign API none is known, else an embedded one is started. */
  readonly faktory: Reach | undefined;
  readonly jobtype: string;
  /** Of an API that is started. */
  readonly pushing: ClientOptions;
  readonly onCount: (answered: number) => void;
}

export class Stage implements AsyncDisposable {
  /** In order of their beginning; they end the other way round. */
  readonly #endings: (() => Promise<unknown>)[] = [];
  readonly #options: StageOptions;
  readonly generator: Child;
  #ended: Promise<void> | undefined;
  #target: Target | undefined;
  #api: Child | undefined;
  #worker: Child | undefined;
  #client: Client | undefined;

  private constructor(options: StageOptions) {
    this.#options = options;
    this.generator = this.#start('generator', (event, value) => {
      if (event === 'count') options.onCount(value as number);
    });
  }

  /** Throws what keeps Faktory away, INTERNAL. */
  static async open(options: StageOptions): Promise<Stage> {
    const stage = new Stage(options);
    try {
      await stage.#open();
      return stage;
    } catch (error) {
      await stage[Symbol.asyncDispose]();
      throw error;
    }
  }

  get target(): Target {
    if (this.#target === undefined) throw new MillraceError('INTERNAL', 'the stage of a load is not open');
    return this.#target;
  }

  get isForeign(): boolean {
    return this.#options.foreign !== undefined;
  }

  get hasWorker(): boolean {
    return this.#worker !== undefined;
  }

  /** A queue of its own where there is a worker for it. */
  get plan(): BodyPlan {
    const { jobtype } = this.#options;
    return this.hasWorker ? { jobtype, queue: LOAD_QUEUE } : { jobtype };
  }

  /** undefined: the API shows no metrics. */
  readApi(): Promise<Reading | undefined> {
    return this.#api === undefined ? readMetrics(this.target) : readChild(this.#api);
  }

  /** Jobs that Faktory has from the API, by its own count; null: it does not tell, or others push, too. */
  async stored(): Promise<number | null> {
    if (this.isForeign) return null;
    return (await readMetrics(this.target))?.stored ?? null;
  }

  async resetWorker(from: number, sliceMs: number): Promise<void> {
    await this.#worker?.call('reset', from, sliceMs);
  }

  executed(): Promise<Executed> | undefined {
    return this.#worker?.call<Executed>('result');
  }

  /** Until the worker has run so many, or nothing comes any more. `onRan` is told how many it has. */
  async untilRan(wanted: number, onRan: (ran: number) => void, stuckMs = STUCK_MS): Promise<void> {
    let most = -1;
    let since = performance.now();
    while (this.#worker !== undefined && performance.now() - since < stuckMs) {
      const { executed, poisoned } = await this.#worker.call<Ran>('progress');
      const ran = executed + poisoned;
      onRan(ran);
      if (ran >= wanted) return;
      if (ran > most) since = performance.now();
      most = ran;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  /** How many jobs are in Dead; null where no Faktory is known. */
  async deadCount(): Promise<number | null> {
    if (this.#client === undefined) return null;
    const info = (await this.#client.info()) as unknown as Info;
    return info.faktory.tasks?.Dead?.size ?? null;
  }

  /** Until there are so many; how many there are. */
  async untilDead(wanted: number): Promise<number | null> {
    const end = performance.now() + DEAD_LIMIT_MS;
    for (;;) {
      const count = await this.deadCount();
      if (count === null || count >= wanted || performance.now() > end) return count;
      await new Promise((resolve) => setTimeout(resolve, LOOK_DEAD_EVERY_MS));
    }
  }

  /** Takes jobs out of Dead that the load put there. */
  async discardDead(jids: readonly string[]): Promise<void> {
    if (this.#client === undefined || jids.length === 0) return;
    await this.#client.send(['MUTATE', JSON.stringify({ cmd: 'discard', target: 'dead', filter: { jids } })]);
  }

  /** Ends all of it, and leaves nothing in Faktory. Safe to call twice. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended ??= this.#end();
    await this.#ended;
  }

  async #end(): Promise<void> {
    await this.generator.kill();
    for (const end of this.#endings.splice(0).reverse()) await end().catch(() => {});
  }

  async #open(): Promise<void> {
    const { foreign, faktory, pushing, jobtype } = this.#options;
    const reach = faktory ?? (foreign === undefined ? await this.#startFaktory() : undefined);
    if (reach !== undefined) {
      const client = new Client({ ...reach, logger: false });
      this.#endings.push(() => client.close());
      this.#client = await client.connect();
      const worker = this.#start('worker');
      await worker.call('start', { reach, queue: LOAD_QUEUE, jobtype } satisfies WorkerOrder);
      this.#worker = worker;
      this.#endings.push(() => worker.call('stop'));
      if (faktory !== undefined) {
        // Of a load that was killed, perhaps.
        await this.#drain(client);
        this.#endings.push(() => this.#drain(client));
      }
    }
    if (foreign !== undefined) this.#target = foreign;
    else if (reach !== undefined) {
      const token = randomBytes(24).toString('base64url');
      this.#api = this.#start('api');
      const url = await this.#api.call<string>('start', { reach, pushing, token } satisfies ApiOrder);
      this.#target = { url, token };
    }
  }

  async #startFaktory(): Promise<Reach> {
    const faktory = new Child('faktory');
    this.#endings.push(() => faktory.kill());
    return { url: await faktory.call<string>('start') };
  }

  #start(role: string, onEvent?: (event: string, value: unknown) => void): Child {
    const child = new Child(role, onEvent, import.meta.url);
    this.#endings.push(() => child.kill());
    return child;
  }

  /** The worker runs what is in the queue. By its latency, for which Faktory, unlike for INFO, goes through no map. */
  async #drain(client: Client): Promise<void> {
    const end = performance.now() + DRAIN_LIMIT_MS;
    for (let empty = 0; empty < EMPTY_TIMES && performance.now() < end; ) {
      const answer = await client.send(['QUEUE', 'LATENCY', LOAD_QUEUE]);
      const latency = (JSON.parse(answer) as Record<string, number>)[LOAD_QUEUE] ?? 0;
      empty = latency === 0 ? empty + 1 : 0;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }
}

interface Info {
  readonly faktory: { readonly tasks?: { readonly Dead?: { readonly size: number } } };
}
