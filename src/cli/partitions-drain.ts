/** Carries out `millrace partitions drain`. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { isMillraceError } from '../errors.ts';
import { partitionQueues } from '../partitions/layout.ts';
import type { RedisCoordinator } from '../partitions/redis-coordinator.ts';
import type { RedisLink } from '../redis.ts';
import { onSignals } from '../signals.ts';
import { linkOf } from './link.ts';
import { FaktoryBacklog } from './partitions-backlog.ts';
import {
  drainedText,
  leftText,
  NOW_CHANGE,
  skippedText,
  stillDrainingText,
  stillText,
} from './partitions-drain-text.ts';
import { type Standing, Stillness, skippable, standingOf } from './partitions-left.ts';
import { coordinatorOf, openRedis, patiently } from './partitions-redis.ts';
import { StatusLine } from './status-line.ts';

export interface DrainRequest {
  config: Config;
  queues: readonly string[];
  /** Undefined: as long as it takes. */
  timeoutMs: number | undefined;
  /** Goes on without jobs that are nowhere, once no worker of the queue is there. */
  skipMissing: boolean;
  json: boolean;
}

/**
 * How a queue fares: jobs of it are left, then it is drained, or another number of partitions was agreed upon meanwhile.
 * Or nothing is drained any more: somebody took it back, or Redis was emptied. `none`: Redis knows of no partitions.
 */
type Drained =
  | { readonly is: 'left' | 'drained'; readonly standing: Standing }
  | { readonly is: 'changed' | 'cancelled'; readonly partitions: number }
  | { readonly is: 'none' };

const NO_REDIS = 'without Redis nothing keeps the number of partitions, and nothing can be drained';
const LOOK_EVERY_MS = 1_000;
const STILL_MS = 10_000;
const SAY_AGAIN_MS = 30_000;

/** Whether all of them are drained. Throws CONFIG_INVALID, and what keeps Redis or Faktory away at the start. */
export async function runDrain(request: DrainRequest): Promise<boolean> {
  const { config, queues, json } = request;
  const link = openRedis(config, NO_REDIS);
  const { Client } = await import('../client/client.ts');
  const client = new Client(linkOf(config, false).connect);
  const line = new StatusLine(json);
  const stop = new AbortController();
  const untrap = onSignals({ stop: () => stop.abort() });
  const drains: Drain[] = [];
  try {
    await client.connect();
    const faktory = new FaktoryBacklog((command) => client.send(command));
    for (const queue of queues) drains.push(await Drain.begin(queue, request, link, faktory, line));
    const end = performance.now() + (request.timeoutMs ?? Number.POSITIVE_INFINITY);
    for (;;) {
      for (const drain of drains) await drain.look();
      if (drains.every((drain) => drain.isOver)) break;
      line.draw(drains.map((drain) => drain.text).join(' | '));
      if (stop.signal.aborted || performance.now() >= end) break;
      const ms = Math.min(LOOK_EVERY_MS, end - performance.now());
      await pause(Math.max(1, ms), undefined, { signal: stop.signal }).catch(() => {});
    }
    line.clear();
    await tellEnd(drains, faktory, json);
    return drains.every((drain) => drain.isDrained);
  } catch (error) {
    if (drains.length > 0) console.error(stillDrainingText(drains.map(({ queue }) => queue)));
    throw error;
  } finally {
    untrap();
    link.close();
    await client.close();
  }
}

/** Takes it back: numbers are given again. */
export async function runCancel({ config, queues, json }: DrainRequest): Promise<void> {
  const link = openRedis(config, NO_REDIS);
  try {
    const said: { queue: string; partitions: number; wasDraining: boolean }[] = [];
    for (const queue of queues) {
      const coordinator = coordinatorOf(queue, config, link);
      const status = await patiently(() => coordinator.status());
      await patiently(() => coordinator.drain(false));
      const { partitions = 0, drainingMs } = status ?? {};
      said.push({ queue, partitions, wasDraining: drainingMs !== undefined });
    }
    if (json) console.log(JSON.stringify({ queues: said }));
    else for (const each of said) console.log(cancelText(each));
  } finally {
    link.close();
  }
}

function cancelText({
  queue,
  partitions,
  wasDraining,
}: {
  queue: string;
  partitions: number;
  wasDraining: boolean;
}): string {
  if (partitions === 0) return `queue ${queue}: Redis knows of no partitions`;
  if (!wasDraining) return `queue ${queue} was not being drained`;
  return `queue ${queue} is not drained any more: it takes jobs with a key into its ${partitions} partitions again`;
}

/** Of one queue. */
class Drain {
  readonly queue: string;
  readonly #coordinator: RedisCoordinator;
  readonly #faktory: FaktoryBacklog;
  readonly #line: StatusLine;
  readonly #skipMissing: boolean;
  readonly #stillness = new Stillness();
  #saidAt = Number.NEGATIVE_INFINITY;
  #state: Drained;
  /** Why it could not be looked just now. */
  #trouble: string | undefined;

  private constructor(
    coordinator: RedisCoordinator,
    faktory: FaktoryBacklog,
    line: StatusLine,
    skipMissing: boolean,
    isThere: boolean,
  ) {
    this.queue = coordinator.queue;
    this.#coordinator = coordinator;
    this.#faktory = faktory;
    this.#line = line;
    this.#skipMissing = skipMissing;
    const { queue, partitions } = coordinator;
    const standing = { queue, partitions, left: [], workers: 0, room: 0, calmMs: 0, open: 0 };
    this.#state = isThere ? { is: 'left', standing } : { is: 'none' };
  }

  /** From now on numbers are refused. The layout is the one that is there, whatever PARTITIONS says here. */
  static async begin(
    queue: string,
    { config, skipMissing }: DrainRequest,
    link: RedisLink,
    faktory: FaktoryBacklog,
    line: StatusLine,
  ): Promise<Drain> {
    const there = await patiently(() => coordinatorOf(queue, config, link).status());
    const coordinator = coordinatorOf(queue, config, link, there?.partitions);
    const isThere = await patiently(() => coordinator.drain(true));
    return new Drain(coordinator, faktory, line, skipMissing, isThere);
  }

  get state(): Drained {
    return this.#state;
  }

  get isOver(): boolean {
    return this.#state.is !== 'left';
  }

  /** Whether PARTITIONS may be changed, or was. */
  get isDrained(): boolean {
    return this.#state.is !== 'left' && this.#state.is !== 'cancelled';
  }

  get text(): string {
    if (this.#trouble !== undefined) return `${this.queue}: ${this.#trouble}; trying again`;
    return this.#state.is === 'left' ? leftText(this.#state.standing) : `${this.queue}: done`;
  }

  /** What cannot be asked now is asked again. */
  async look(): Promise<void> {
    if (this.isOver) return;
    try {
      this.#state = await this.#look();
      this.#trouble = undefined;
      if (this.#state.is !== 'left') return;
      if (this.#skipMissing) await this.#skip(this.#state.standing);
      await this.#tellStill(this.#state.standing);
    } catch (error) {
      if (!isMillraceError(error)) throw error;
      this.#trouble = error.message;
    }
  }

  async #look(): Promise<Drained> {
    const { queue, partitions } = this.#coordinator;
    const status = await this.#coordinator.status();
    if (status !== undefined && status.partitions !== partitions)
      return { is: 'changed', partitions: status.partitions };
    if (status?.drainingMs === undefined) return { is: 'cancelled', partitions };
    // After what is done, since a job is in its queue or its number is not done.
    const standing = standingOf(
      queue,
      status,
      await this.#faktory.holding(partitionQueues(queue, partitions)),
    );
    return { is: standing.left.length === 0 ? 'drained' : 'left', standing };
  }

  async #skip(standing: Standing): Promise<void> {
    const chosen = skippable(standing);
    if (chosen.length === 0) return;
    const skipped = await this.#coordinator.skipMissing(chosen);
    const done = chosen.filter((_, i) => skipped[i]);
    if (done.length > 0) this.#line.tell(skippedText(this.queue, done));
  }

  async #tellStill(standing: Standing): Promise<void> {
    const now = performance.now();
    const stillMs = this.#stillness.note(standing, now);
    if (stillMs < STILL_MS || now - this.#saidAt < SAY_AGAIN_MS) return;
    this.#saidAt = now;
    const sizes = await this.#faktory.sizes().catch(() => undefined);
    for (const text of stillText(standing, stillMs, sizes?.sets)) this.#line.tell(text);
  }
}

async function tellEnd(drains: readonly Drain[], faktory: FaktoryBacklog, json: boolean): Promise<void> {
  const sizes = await faktory.sizes().catch(() => undefined);
  if (json) {
    console.log(JSON.stringify({ queues: drains.map(reportOf), sets: sizes?.sets ?? null }));
    return;
  }
  for (const drain of drains) {
    const { queue, state } = drain;
    if (state.is === 'drained') console.log(drainedText(state.standing, sizes?.sets));
    else if (state.is === 'left') console.error(leftText(state.standing));
    else if (state.is === 'none')
      console.log(`queue ${queue}: Redis knows of no partitions, nothing is to be drained`);
    else if (state.is === 'changed') console.log(`queue ${queue} has ${state.partitions} partitions by now`);
    else
      console.error(`queue ${queue}: it was taken back by somebody else, or Redis was emptied: run it again`);
  }
  const left = drains.filter(({ state }) => state.is === 'left').map(({ queue }) => queue);
  if (left.length > 0) console.error(stillDrainingText(left));
  else if (drains.some(({ state }) => state.is === 'drained')) console.log(NOW_CHANGE);
}

function reportOf({ queue, state }: Drain): object {
  switch (state.is) {
    case 'left':
    case 'drained': {
      const { partitions, left, open } = state.standing;
      return { queue, partitions, is: state.is, left, open };
    }
    case 'changed':
    case 'cancelled':
      return { queue, partitions: state.partitions, is: state.is };
    case 'none':
      return { queue, partitions: 0, is: 'none' };
    default:
      return state satisfies never;
  }
}
