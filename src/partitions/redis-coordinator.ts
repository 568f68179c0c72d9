/** Keeps what partitions need in Redis: for any number of pushers and workers. */
import { randomBytes } from 'node:crypto';
import type { Logger } from '../logger.ts';
import type { RedisLink } from '../redis.ts';
import {
  type Acquired,
  type Ask,
  beingDrained,
  type Checkpointed,
  type Coordinator,
  type CoordinatorStatus,
  type Epoch,
  type Lease,
  type Member,
  type Numbers,
  numbersLost,
  otherLayout,
  type Place,
  type Renewal,
  type Survey,
} from './coordinator.ts';
import { Gathered } from './gathered.ts';
import { type Range, type Ranges, rangesText } from './ranges.ts';
import { inGroups, parseEpochs, parseMembers, parsePlace, parseStatus, parseVoids } from './redis-replies.ts';
import { type Redis, runOf } from './redis-run.ts';
import {
  ACQUIRE,
  AGREE,
  BEGIN,
  CHECKPOINT,
  DECLARE_VOID,
  DRAIN,
  LOOK,
  NUMBERS,
  RELEASE,
  RENEW,
  SETTLE,
  SKIP_MISSING,
  STATUS,
} from './redis-scripts.ts';
import { Unsettled } from './unsettled.ts';

export interface RedisCoordinatorOptions {
  queue: string;
  partitions: number;
  ttlMs: number;
  /** Not closed with the coordinator: several queues may share it. */
  link: RedisLink;
  logger: Logger;
}

type Reply = readonly unknown[];

interface Checkpoint {
  readonly lease: Lease;
  readonly place: Place;
}

export class RedisCoordinator implements Coordinator {
  readonly queue: string;
  readonly partitions: number;
  readonly ttlMs: number;
  readonly #link: RedisLink;
  readonly #prefix: string;
  readonly #unsettled: Unsettled;
  /** Each job makes one: those of many partitions travel together. */
  readonly #checkpoints = new Gathered((all: readonly Checkpoint[]) => this.#checkpointAll(all), 256);

  constructor({ queue, partitions, ttlMs, link, logger }: RedisCoordinatorOptions) {
    this.queue = queue;
    this.partitions = partitions;
    this.ttlMs = ttlMs;
    this.#link = link;
    this.#prefix = `millrace:{${queue}}:`;
    this.#unsettled = new Unsettled(logger);
  }

  async agree({ untouched = false }: { untouched?: boolean } = {}): Promise<void> {
    for (;;) {
      const was = await this.#layout();
      const both = this.#withVoids(Math.max(this.partitions, Number(was ?? 0)));
      const [is, there, waiting] = await this.#call(AGREE, both, [
        was ?? '',
        untouched ? 'untouched' : 'touched',
      ]);
      if (is === 'agreed') return;
      if (is === 'layout') throw otherLayout(this.queue, this.partitions, Number(there), Number(waiting));
      // Another was quicker.
    }
  }

  async numbers(asks: readonly Ask[]): Promise<readonly Numbers[]> {
    const id = randomBytes(9).toString('base64url');
    const keys = [
      this.#refused(id),
      ...asks.flatMap(({ partition }) => [this.#record(partition), this.#asks(partition)]),
    ];
    const counts = asks.map(({ count }) => count);
    let sent = false;
    let reply: Reply;
    try {
      reply = await this.#call(NUMBERS, keys, [id, ...counts], () => {
        sent = true;
      });
    } catch (error) {
      // They may have been given all the same.
      if (sent) for (const { partition } of asks) this.#unsettled.add(() => this.#settle(partition, id));
      throw error;
    }
    if (reply[0] === 'draining') throw beingDrained(this.queue, this.partitions);
    if (reply[0] === 'lost') throw numbersLost(this.queue, asks[Number(reply[1]) - 1]!.partition);
    return asks.map(({ partition, count }, i) => ({
      partition,
      count,
      epoch: Number(reply[1 + 2 * i]),
      first: Number(reply[2 + 2 * i]),
    }));
  }

  declareVoid(partition: number, epoch: number, [first, last]: Range): void {
    this.#unsettled.add(() => this.#call(DECLARE_VOID, [this.#voids(partition)], [epoch, first, last]));
  }

  told(): Promise<void> {
    return this.#unsettled.tried();
  }

  async voids(partition: number): Promise<ReadonlyMap<number, Ranges>> {
    const entries = await this.#link.use((redis) => redis.zrange(this.#voids(partition), '0', '-1'));
    return parseVoids(entries);
  }

  async begin(partitions: readonly number[]): Promise<void> {
    await this.#call(
      BEGIN,
      partitions.map((partition) => this.#record(partition)),
      [],
    );
  }

  async epochs(partition: number): Promise<readonly Epoch[]> {
    const text = await this.#link.use((redis) => redis.hget(this.#record(partition), 'epochs'));
    return parseEpochs(text ?? '');
  }

  async look(member?: Member): Promise<Survey> {
    const told = member === undefined ? ['', 0, 0] : [member.owner, member.count, member.most];
    const [, calm, soonest, members, free] = await this.#call(LOOK, [this.#key('members')], told);
    return {
      members: parseMembers(members as string[]),
      free: inGroups(free as string[], 2).map(([partition, forMs]) => ({
        partition: Number(partition),
        forMs: Number(forMs),
      })),
      nextLapseMs: soonest === '' ? undefined : Number(soonest),
      calmMs: Number(calm),
    };
  }

  async leave(owner: string): Promise<void> {
    await this.#link.use((redis) => redis.hdel(this.#key('members'), owner));
  }

  async acquire(partition: number, owner: string): Promise<Acquired | undefined> {
    const reply = await this.#call(ACQUIRE, [this.#record(partition)], [partition, owner]);
    if (reply[0] !== 'acquired') return undefined;
    const [, fence, before, note, epochs, ...place] = reply.map(String);
    return {
      partition,
      owner,
      fence: Number(fence),
      place: parsePlace(place),
      epochs: parseEpochs(epochs!),
      predecessor: before === '' || before === owner ? undefined : { owner: before!, note: note! },
    };
  }

  async renew(owner: string, leases: readonly Renewal[]): Promise<readonly boolean[]> {
    const keys = leases.map(({ partition }) => this.#record(partition));
    const args = leases.flatMap(({ partition, fence, note }) => [partition, fence, note]);
    const [, ...renewed] = await this.#call(RENEW, keys, [owner, ...args]);
    return renewed.map((one) => Number(one) === 1);
  }

  checkpoint(lease: Lease, place: Place): Promise<Checkpointed> {
    return this.#checkpoints.add({ lease, place });
  }

  async release({ partition, owner, fence }: Lease): Promise<boolean> {
    const [is] = await this.#call(RELEASE, [this.#record(partition)], [partition, owner, fence]);
    return is === 'released';
  }

  /** Of the layout that is there, whatever this coordinator was made with; undefined: there is none. */
  async status(): Promise<CoordinatorStatus | undefined> {
    const there = Number((await this.#layout()) ?? 0);
    if (there === 0) return undefined;
    const keys = [this.#key('members'), ...this.#withVoids(there)];
    const [, calm, draining, members, each] = await this.#call(STATUS, keys, []);
    return {
      partitions: there,
      members: parseMembers(members as string[]),
      each: (each as string[][]).map(parseStatus),
      calmMs: Number(calm),
      drainingMs: draining === '' ? undefined : Number(draining),
    };
  }

  async drain(isOn: boolean): Promise<boolean> {
    const [is] = await this.#call(DRAIN, [], [isOn ? 1 : 0]);
    return is === 'there';
  }

  async skipMissing(partitions: readonly number[]): Promise<readonly boolean[]> {
    const keys = partitions.map((partition) => this.#record(partition));
    const [, ...skipped] = await this.#call(SKIP_MISSING, keys, partitions);
    return skipped.map((one) => Number(one) === 1);
  }

  /** Void numbers that were not told yet are forgotten. */
  close(): void {
    this.#unsettled.close();
  }

  async #checkpointAll(all: readonly Checkpoint[]): Promise<readonly Checkpointed[]> {
    const keys = all.flatMap(({ lease: { partition } }) => [this.#record(partition), this.#voids(partition)]);
    const args = all.flatMap(({ lease: { owner, fence }, place: { epoch, first, next, open } }) => [
      ...[owner, fence],
      ...[epoch, first, next, rangesText(open)],
    ]);
    const [, ...answers] = await this.#call(CHECKPOINT, keys, args);
    return answers as Checkpointed[];
  }

  async #settle(partition: number, id: string): Promise<void> {
    await this.#call(SETTLE, [this.#asks(partition), this.#voids(partition), this.#refused(id)], [id]);
  }

  async #layout(): Promise<string | undefined> {
    return (await this.#link.use((redis) => redis.hget(this.#key('layout'), 'of'))) ?? undefined;
  }

  /** `onSend`: called before it is sent, and not where it cannot be. */
  async #call(
    script: string,
    keys: readonly string[],
    args: readonly (string | number)[],
    onSend?: () => void,
  ): Promise<Reply> {
    const reply = await this.#link.use(async (redis) => {
      const run = await runOf(redis);
      onSend?.();
      const all = [this.#key('layout'), this.#key('leases'), ...keys];
      return scriptOf(redis, script)(all.length, ...all, this.partitions, run, this.ttlMs, ...args);
    });
    if (script !== AGREE && reply[0] === 'layout')
      throw otherLayout(this.queue, this.partitions, Number(reply[1]), undefined);
    return reply;
  }

  #key(name: string): string {
    return this.#prefix + name;
  }

  #record(partition: number): string {
    return this.#key(`p:${partition}`);
  }

  #asks(partition: number): string {
    return `${this.#record(partition)}:asks`;
  }

  #voids(partition: number): string {
    return `${this.#record(partition)}:voids`;
  }

  #refused(id: string): string {
    return this.#key(`refused:${id}`);
  }

  /** Record and voids of each partition. */
  #withVoids(partitions: number): string[] {
    const all = Array.from({ length: partitions }, (_, partition) => partition);
    return all.flatMap((partition) => [this.#record(partition), this.#voids(partition)]);
  }
}

type Run = (keys: number, ...rest: (string | number)[]) => Promise<Reply>;

/** Its text travels once a connection. */
function scriptOf(redis: Redis, lua: string): Run {
  const name = nameOf(lua);
  const commands = redis as unknown as Record<string, Run>;
  if (commands[name] === undefined) redis.defineCommand(name, { lua });
  return (...args) => commands[name]!(...args);
}

const names = new Map<string, string>();
function nameOf(lua: string): string {
  let name = names.get(lua);
  if (name === undefined) {
    name = `millracePartitions${names.size}`;
    names.set(lua, name);
  }
  return name;
}
