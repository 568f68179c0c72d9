/** What a measurement runs on: a Faktory, BullMQ's Redis, and the ways there. */
import { startEmbeddedFaktory } from '../test/helpers/embedded-faktory.ts';
import type { RunningFaktory } from '../test/helpers/faktory-process.ts';
import {
  buildRealFaktory,
  type FaktoryVersion,
  type RealFaktory,
  realFaktoryAvailable,
  startRealFaktory,
  whyNoRealFaktory,
} from '../test/helpers/real-faktory.ts';
import { type RelayProcess, startRelayProcess } from '../test/helpers/relay-process.ts';
import type { Place } from './cell.ts';
import { LeftOut, type Peer } from './peers.ts';
import { type RunningRedis, startRedis } from './redis.ts';

export type FaktoryKind = 'real' | 'embedded';

/**
 * In ms, made by a relay. A relay costs as much as what it relays, and most for whoever says each command by itself:
 * how fast workers are beside one another at no distance is measured directly.
 */
export type RoundTrip = number | 'direct';

/** Throws LeftOut where it cannot be had. */
export async function startReal(version: FaktoryVersion): Promise<RealFaktory> {
  if (whyNoRealFaktory(version) !== undefined) await buildRealFaktory();
  if (!realFaktoryAvailable(version)) {
    throw new LeftOut(`the real Faktory is not to be had: ${whyNoRealFaktory(version)}`);
  }
  return startRealFaktory({ version });
}

export async function startFaktory(kind: FaktoryKind, version: FaktoryVersion): Promise<RunningFaktory> {
  return kind === 'embedded' ? startEmbeddedFaktory() : startReal(version);
}

/** A Faktory, and a Redis where one of the peers is BullMQ. */
export class Stage implements AsyncDisposable {
  readonly faktory: RunningFaktory;
  readonly #redis: RunningRedis | undefined;

  private constructor(faktory: RunningFaktory, redis: RunningRedis | undefined) {
    this.faktory = faktory;
    this.#redis = redis;
  }

  static async build(faktory: RunningFaktory, peers: readonly Peer[]): Promise<Stage> {
    try {
      return new Stage(
        faktory,
        peers.some(({ store }) => store === 'redis') ? await startRedis() : undefined,
      );
    } catch (error) {
      await faktory.stop();
      throw error;
    }
  }

  /** Through relays that make a round trip of so long, at 0 ms, too; or directly. */
  async ways(roundTrip: RoundTrip): Promise<Ways> {
    const { url } = this.faktory;
    const redis = this.#redis && redisUrl(this.#redis);
    if (roundTrip === 'direct') {
      return new Ways(
        { url, directUrl: url },
        redis === undefined ? undefined : { url: redis, directUrl: redis },
        [],
      );
    }
    const delay = { delayMs: roundTrip / 2 };
    const toFaktory = await startRelayProcess(url, delay);
    const way = { url: toFaktory.url, directUrl: url };
    if (this.#redis === undefined || redis === undefined) return new Ways(way, undefined, [toFaktory]);
    try {
      const toRedis = await startRelayProcess(this.#redis, delay);
      return new Ways(way, { url: redisUrl(toRedis), directUrl: redis }, [toFaktory, toRedis]);
    } catch (error) {
      await toFaktory.close();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#redis?.[Symbol.asyncDispose]();
    await this.faktory.stop();
  }
}

export class Ways implements AsyncDisposable {
  readonly #faktory: Place;
  readonly #redis: Place | undefined;
  readonly #relays: readonly RelayProcess[];

  constructor(faktory: Place, redis: Place | undefined, relays: readonly RelayProcess[]) {
    this.#faktory = faktory;
    this.#redis = redis;
    this.#relays = relays;
  }

  to({ store }: Peer): Place {
    const place = store === 'faktory' ? this.#faktory : this.#redis;
    if (place === undefined) throw new Error('the stage was built without a Redis');
    return place;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const relay of this.#relays) await relay.close();
  }
}

const redisUrl = ({ host, port }: { host: string; port: number }): string => `redis://${host}:${port}`;
